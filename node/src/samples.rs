//! Samples for the tests.
