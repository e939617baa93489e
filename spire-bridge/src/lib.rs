//! Keeps the SPIRE agent alive, holds the SVID it hands out, and builds mTLS from it.
