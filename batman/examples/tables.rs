//! Lists every table of a mesh, or says why it cannot be listed.
//!
//! ```text
//! tables bat0        all that there is
//! tables bat0 100    and VLAN 100
//! ```

use std::{env, error::Error, fmt::Debug, process::ExitCode};

use batman::{
    Backbone, CachedAddress, Claim, Gateway, GlobalClient, HardInterface, IfName, Kernel,
    LocalClient, MulticastFlags, Neighbour, Originator, Row, VlanId,
};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&arguments)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tables: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Outcome {
    let [mesh, vlans @ ..] = arguments else { return Err("usage: tables MESH [VLAN...]".into()) };
    let mesh: IfName = mesh.parse()?;
    let mut kernel = Kernel::open()?;
    println!("{:#?}", kernel.mesh_device(&mesh).await?);
    println!("{:#?}", kernel.mesh_state(&mesh).await?);
    show("routing algorithms", kernel.routing_algorithms().await);
    table::<HardInterface>(&mut kernel, &mesh, "hard interfaces").await;
    table::<Neighbour>(&mut kernel, &mesh, "neighbours").await;
    table::<Originator>(&mut kernel, &mesh, "originators").await;
    table::<Gateway>(&mut kernel, &mesh, "gateways").await;
    table::<LocalClient>(&mut kernel, &mesh, "clients of this node").await;
    table::<GlobalClient>(&mut kernel, &mesh, "clients of other nodes").await;
    table::<Claim>(&mut kernel, &mesh, "claims").await;
    table::<Backbone>(&mut kernel, &mesh, "backbones").await;
    table::<CachedAddress>(&mut kernel, &mesh, "cached addresses").await;
    table::<MulticastFlags>(&mut kernel, &mesh, "multicast flags").await;
    for vlan in vlans {
        let vlan = VlanId::new(vlan.parse()?)?;
        show("VLAN", kernel.vlan(&mesh, vlan).await);
    }
    let counters = kernel.counters(&mesh).await;
    show("counters", counters.as_ref().map(|counters| counters.iter().collect::<Vec<_>>()));
    Ok(())
}

/// Shows the rows as they come, however many there are.
async fn table<R: Row + Debug>(kernel: &mut Kernel, mesh: &IfName, name: &str) {
    println!("{name}:");
    match kernel.stream(mesh, |row: R| println!("  {row:?}")).await {
        Ok(streamed) if streamed.changed => println!("  it changed meanwhile"),
        Ok(streamed) if streamed.left_out > 0 => println!("  {} unreadable", streamed.left_out),
        Ok(_) if !R::CHANGES_ARE_TOLD => println!("  (the kernel may have torn it)"),
        Ok(_) => {}
        Err(error) => println!("  {}", with_causes(&error)),
    }
}

fn show<T: Debug, E: Error>(name: &str, value: Result<T, E>) {
    match value {
        Ok(value) => println!("{name}: {value:?}"),
        Err(error) => println!("{name}: {}", with_causes(&error)),
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
