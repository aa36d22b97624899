//! The reply to `query-qmp-schema`, owned and borrowed.

use serde::Deserialize;

use crate::Failure;

/// One entity of the schema, of any meta-type; members of other meta-types are absent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SchemaInfo {
    pub name: String,
    pub meta_type: String,
    pub json_type: Option<String>,
    pub element_type: Option<String>,
    pub tag: Option<String>,
    pub arg_type: Option<String>,
    pub ret_type: Option<String>,
    pub allow_oob: Option<bool>,
    pub values: Option<Vec<String>>,
    pub features: Option<Vec<String>>,
    pub members: Option<Vec<Member>>,
    pub variants: Option<Vec<Variant>>,
}

#[derive(Debug, Deserialize)]
pub struct Member {
    pub name: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub features: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub struct Variant {
    pub case: String,
    #[serde(rename = "type")]
    pub kind: String,
}

/// The same, with strings borrowed from the reply: a schema contains no escapes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SchemaInfoRef<'a> {
    pub name: &'a str,
    pub meta_type: &'a str,
    pub json_type: Option<&'a str>,
    pub element_type: Option<&'a str>,
    pub tag: Option<&'a str>,
    pub arg_type: Option<&'a str>,
    pub ret_type: Option<&'a str>,
    pub allow_oob: Option<bool>,
    #[serde(borrow)]
    pub values: Option<Vec<&'a str>>,
    #[serde(borrow)]
    pub features: Option<Vec<&'a str>>,
    #[serde(borrow)]
    pub members: Option<Vec<MemberRef<'a>>>,
    #[serde(borrow)]
    pub variants: Option<Vec<VariantRef<'a>>>,
}

#[derive(Debug, Deserialize)]
pub struct MemberRef<'a> {
    pub name: Option<&'a str>,
    #[serde(rename = "type")]
    pub kind: Option<&'a str>,
    #[serde(borrow)]
    pub features: Option<Vec<&'a str>>,
}

#[derive(Debug, Deserialize)]
pub struct VariantRef<'a> {
    pub case: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
}

/// Returns whether a schema with this number of entities is plausible.
pub fn check_schema(entities: usize) -> Result<(), Failure> {
    if (500..5_000).contains(&entities) {
        return Ok(());
    }
    Err(format!("a schema of {entities} entities?").into())
}
