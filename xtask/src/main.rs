//! Developer commands: demo, test, lab, bench, image, check.

fn main() {}
