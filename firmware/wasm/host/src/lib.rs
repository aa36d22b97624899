//! Runs the WebAssembly module, as an embedder does.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use wasmi::{Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

/// The loaded and running module.
#[derive(Debug)]
pub struct Running {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Running {
    /// Loads the module, which must not import anything: neither a panic nor anything of its host.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| {
            format!("cannot read {}; `cargo xtask firmware` builds it", path.display())
        })?;
        let engine = Engine::default();
        let module = Module::new(&engine, &bytes)?;
        let imports: Vec<_> = module.imports().map(|import| import.name().to_owned()).collect();
        ensure!(imports.is_empty(), "the module imports {}", imports.join(", "));
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        let memory = instance.get_memory(&store, "memory").context("the module has no memory")?;
        Ok(Self { store, instance, memory })
    }

    /// Starts a session.
    pub fn start(&mut self, agent: bool) -> Result<()> {
        let start: TypedFunc<u32, ()> = self.instance.get_typed_func(&self.store, "start")?;
        Ok(start.call(&mut self.store, agent.into())?)
    }

    /// Passes bytes from the server; returns the output.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<String> {
        self.pass("receive", bytes)
    }

    /// Passes a message to send; returns the output.
    pub fn send(&mut self, message: &[u8]) -> Result<String> {
        self.pass("send", message)
    }

    /// Passes the end of the stream; returns the output.
    pub fn end(&mut self) -> Result<String> {
        let end: TypedFunc<(), ()> = self.instance.get_typed_func(&self.store, "end")?;
        end.call(&mut self.store, ())?;
        self.report()
    }

    fn pass(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        let (room, length) = (self.number("room")?, self.number("room_length")?);
        if bytes.len() > length {
            bail!("there is no room for {} bytes", bytes.len());
        }
        self.memory.write(&mut self.store, room, bytes)?;
        let call: TypedFunc<u32, ()> = self.instance.get_typed_func(&self.store, name)?;
        call.call(&mut self.store, u32::try_from(bytes.len())?)?;
        self.report()
    }

    fn report(&mut self) -> Result<String> {
        let (at, length) = (self.number("report")?, self.number("report_length")?);
        let mut report = vec![0; length];
        self.memory.read(&self.store, at, &mut report)?;
        let clear: TypedFunc<(), ()> = self.instance.get_typed_func(&self.store, "clear")?;
        clear.call(&mut self.store, ())?;
        Ok(String::from_utf8(report)?)
    }

    fn number(&mut self, name: &str) -> Result<usize> {
        let function: TypedFunc<(), u32> = self.instance.get_typed_func(&self.store, name)?;
        Ok(function.call(&mut self.store, ())?.try_into()?)
    }
}
