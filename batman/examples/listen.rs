//! Shows what batman-adv tells of its own accord, until it is killed: changes of settings, ends of
//! throughput measurements, the gateway in use, loops. Anybody may listen.

use std::error::Error;

use batman::Kernel;

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(listen())
}

async fn listen() -> Result<(), Box<dyn Error>> {
    let mut kernel = Kernel::open()?;
    let mut notifications = kernel.notifications().await?;
    let mut uevents = kernel.uevents()?;
    println!("listening");
    loop {
        tokio::select! {
            told = notifications.next() => {
                for notification in told? {
                    println!("{notification:?}");
                }
            }
            event = uevents.next() => println!("{:?}", event?),
        }
    }
}
