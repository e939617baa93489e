//! Starts what the other examples start and asks nothing: what they have beyond its size is the crate's.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(run(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nothing: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) {
    println!("{} arguments", arguments.len());
}
