//! Unplugs a device from a running machine, and waits until it is removed.
//!
//! The reply to `device_del` only means that the guest was asked. `DEVICE_DELETED` arrives when the
//! guest has released the device, or immediately for devices that do not ask. The guest may also
//! refuse, or not react at all.
//!
//! ```text
//! cargo run -p qmp-smol --example unplug -- unix:/run/vm.qmp net0 30
//! ```

use std::process::ExitCode;
use std::time::Duration;

use qmp_smol::types::{DeviceDel, QomList};
use qmp_smol::{Client, Error, connect};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, device, seconds] = &arguments[..] else {
        eprintln!("usage: unplug ADDRESS DEVICE SECONDS");
        return ExitCode::from(2);
    };
    let patience = Duration::from_secs(seconds.parse().unwrap_or(30));
    match smol::block_on(run(address, device, patience)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("unplug: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(address: &str, device: &str, patience: Duration) -> Result<bool, Error> {
    let qemu = connect(address).await?;
    let unplugged = unplug(&qemu, device, patience).await?;
    match &unplugged {
        Unplugged::Deleted => println!("{device} is out"),
        Unplugged::RefusedByGuest => println!("the guest refuses to let {device} go"),
        Unplugged::Pending if is_there(&qemu, device).await? => {
            println!(
                "{device} is still there: the guest has not answered in {patience:?}, and may yet"
            );
        }
        Unplugged::Pending => println!("{device} went out at the last moment"),
    }
    qemu.close().await?;
    Ok(matches!(unplugged, Unplugged::Deleted))
}

enum Unplugged {
    Deleted,
    RefusedByGuest,
    Pending,
}

async fn unplug(qemu: &Client, device: &str, patience: Duration) -> Result<Unplugged, Error> {
    // Subscribe before sending the command, because the event may arrive before the reply.
    let decided = qemu
        .event()
        .named("DEVICE_DELETED")
        .named("DEVICE_UNPLUG_GUEST_ERROR")
        .named("MEM_UNPLUG_ERROR")
        // Child devices have no id, and are removed first.
        .member("device", device)
        .timeout(patience);
    qemu.call(&DeviceDel::new(device)).await?;
    match decided.await {
        Ok(event) if event.name() == "DEVICE_DELETED" => Ok(Unplugged::Deleted),
        Ok(_) => Ok(Unplugged::RefusedByGuest),
        Err(error) if error.is_timeout() => Ok(Unplugged::Pending),
        Err(error) => Err(error),
    }
}

async fn is_there(qemu: &Client, device: &str) -> Result<bool, Error> {
    let devices = qemu.call(&QomList::new("/machine/peripheral")).await?;
    Ok(devices.iter().any(|it| it.name == device))
}
