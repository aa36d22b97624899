//! Devices that leave a guest, or stay.

use std::time::Duration;

use qmp_tokio::types::events::{AcpiDeviceOst, DeviceDeleted};
use qmp_tokio::types::{
    BlockdevAdd, BlockdevDel, BlockdevOptions, BlockdevOptionsNull, Cont, DeviceAdd, DeviceDel,
    Stop,
};
use qmp_tokio::{ErrorClass, ErrorKind, EventItem, EventWait, Outcome, RawJson, TypedEvent};
use serde_json::json;

use crate::guest::Guest;
use crate::server::PLENTY;

on_every_guest!(a_device_is_deleted_when_the_guest_has_let_go, a_guest_that_keeps_a_device_says_so,);

fn deleted(guest: &Guest, id: &'static str) -> EventWait<'static> {
    guest.qemu.event().named(DeviceDeleted::NAME).member("device", id)
}

async fn wait_for_disks(guest: &Guest, count: usize) {
    let started = std::time::Instant::now();
    while guest.shell("ls /sys/block").await.split_whitespace().count() != count {
        assert!(started.elapsed() < PLENTY);
    }
}

/// A stopped machine lets go of nothing.
async fn a_device_is_deleted_when_the_guest_has_let_go(guest: Guest) {
    let qemu = &guest.qemu;
    let node = BlockdevOptions::null_co(BlockdevOptionsNull::new().size(1 << 20)).node_name("node");
    qemu.call(&BlockdevAdd(node)).await.unwrap();
    let bus = if guest.is_old() { "pci.0" } else { "root1" };
    let disk = DeviceAdd::new("virtio-blk-pci").id("disk").bus(bus).property("drive", "node");
    qemu.call(&disk).await.unwrap();
    wait_for_disks(&guest, 1).await;

    qemu.call(&Stop::new()).await.unwrap();
    let mut events = qemu.events().named(DeviceDeleted::NAME).subscribe();
    let deleted = deleted(&guest, "disk").timeout(PLENTY);
    let delete = || qemu.call(&DeviceDel::new("disk"));
    delete().await.unwrap();
    match delete().await {
        Ok(_) => assert!(guest.is_old()),
        Err(again) => {
            assert_eq!(again.class(), Some(ErrorClass::GenericError), "{again}");
            assert_eq!(again.outcome(), Outcome::Answered);
            let text = again.to_string();
            assert!(text.starts_with("device_del: "), "{text}");
            assert!(text.contains("disk is already in the process of unplug"), "{text}");
            assert!(text.contains(&*qemu.peer()), "{text}");
        }
    }
    let moment = Duration::from_millis(300);
    let early = events.event().timeout(moment).await.unwrap_err();
    assert!(matches!(early.kind(), ErrorKind::NoEvent { waited, .. } if *waited >= moment));
    assert!(early.is_timeout() && early.outcome() == Outcome::NotSent);

    qemu.call(&Cont::new()).await.unwrap();
    deleted.await.unwrap();
    // Its parts go first, and have no id.
    let devices = events.drain().into_iter().map(|queued| match queued {
        EventItem::Event(event) => event.decode::<DeviceDeleted>().unwrap().device,
        other => panic!("{other:?}"),
    });
    assert_eq!(devices.collect::<Vec<_>>(), [None, Some("disk".to_owned())]);

    let gone = delete().await.unwrap_err();
    assert_eq!(gone.class(), Some(ErrorClass::DeviceNotFound), "{gone}");
    qemu.call(&BlockdevDel::new("node")).await.unwrap();
    wait_for_disks(&guest, 0).await;
}

async fn a_guest_that_keeps_a_device_says_so(guest: Guest) {
    let qemu = &guest.qemu;
    guest.shell("echo 0 >/sys/firmware/acpi/hotplug/memory/enabled").await;
    let mut options = json!({"qom-type": "memory-backend-ram", "id": "memory"});
    match guest.is_old() {
        true => options["props"] = json!({"size": 128 << 20}),
        false => options["size"] = json!(128 << 20),
    }
    qemu.execute("object-add").arguments(&options).await.unwrap();
    let answer = |source: u64| {
        let info = json!({"info": {"source": source}}).to_string();
        let answer = qemu.event().named(AcpiDeviceOst::NAME).timeout(PLENTY);
        answer.containing(RawJson::parse(&info).unwrap())
    };
    // The sources of ACPI: 1 is the check for a new device, 3 the request to eject it.
    let added = answer(1);
    let dimm = DeviceAdd::new("pc-dimm").id("dimm").property("memdev", "memory");
    qemu.call(&dimm).await.unwrap();
    added.await.unwrap();

    let (refused, kept) = (answer(3), deleted(&guest, "dimm"));
    let delete = || qemu.call(&DeviceDel::new("dimm"));
    delete().await.unwrap();
    let refused: AcpiDeviceOst = refused.await.unwrap().decode().unwrap();
    assert_eq!(refused.info.device.as_deref(), Some("dimm"));
    assert_ne!(refused.info.status, 0);
    let kept = kept.timeout(Duration::from_millis(200)).await.unwrap_err();
    assert!(kept.is_timeout(), "{kept}");
    let text = kept.to_string();
    assert!(text.starts_with("no DEVICE_DELETED in "), "{text}");
    assert!(text.contains(&*qemu.peer()), "{text}");

    guest.shell("echo 1 >/sys/firmware/acpi/hotplug/memory/enabled").await;
    let deleted = deleted(&guest, "dimm").timeout(PLENTY);
    delete().await.unwrap();
    deleted.await.unwrap();
}
