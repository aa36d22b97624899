//! Answers of a recording.
use qmp_proto::OwnedJson;

use crate::ReceivedCommand;
use crate::act::Act;

pub(crate) struct Replay;

impl Replay {
    pub(crate) fn answer(&mut self, _: &ReceivedCommand) -> Result<Vec<Act>, String> {
        Ok(Vec::new())
    }
    pub(crate) fn last(&self, _: usize) -> Option<usize> {
        None
    }
    pub(crate) fn opening(&self, _: usize) -> Vec<Act> {
        Vec::new()
    }
    pub(crate) fn greeting(&self, _: usize) -> Option<OwnedJson> {
        None
    }
    pub(crate) fn complaints(&self) -> Vec<String> {
        Vec::new()
    }
}
