//! Three of the largest that the types have: one of 48 drivers added, all disks, the whole schema.

use std::error::Error;

use qmp_blocking::types::{
    BlockdevAdd, BlockdevOptions, BlockdevOptionsFile, QueryBlock, QueryQmpSchema,
};

fn main() -> Result<(), Box<dyn Error>> {
    let socket = std::env::args().nth(2).ok_or("which socket?")?;
    let qemu = qmp_blocking::connect(format!("unix:{socket}"))?;
    let disk = BlockdevOptions::file(BlockdevOptionsFile::new("/disk.raw"));
    qemu.call(&BlockdevAdd(disk.node_name("disk0"))).run()?;
    println!("{:?}", qemu.call(&QueryBlock::new()).run()?);
    println!("{:?}", qemu.call(&QueryQmpSchema::new()).run()?);
    Ok(())
}
