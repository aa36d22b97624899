//! The measurements as a line of JSON.

use serde_json::{Map, Value};

#[derive(Debug, Default)]
pub struct Report(Map<String, Value>);

impl Report {
    pub fn with(mut self, name: &str, number: f64) -> Self {
        self.0.insert(name.to_owned(), number.into());
        self
    }

    pub fn print(self) {
        println!("{}", Value::Object(self.0));
    }
}
