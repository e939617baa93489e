//! A slot on trial: whether it may stay, and what is remembered about it. Pure; the slots themselves are `image`'s.

pub mod health;
pub mod judgement;
pub mod record;
pub mod request;
pub mod rules;
