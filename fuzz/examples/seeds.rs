//! Writes the seeds into one folder per target, below the given folder.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1) else {
        eprintln!("seeds FOLDER");
        return ExitCode::FAILURE;
    };
    match write(folder.into()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write the seeds: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: PathBuf) -> io::Result<()> {
    for (target, seeds) in qmp_fuzz::seeds() {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("{number:05}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}
