//! Filters in the language of jq.

#[cfg(feature = "filter")]
pub(crate) use with_jaq::Filter;
#[cfg(not(feature = "filter"))]
pub(crate) use without::Filter;

#[cfg(feature = "filter")]
mod with_jaq {
    use std::fmt;

    use jaq_core::load::{self, Arena, File, Loader};
    use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
    use jaq_json::write::Pp;
    use jaq_json::{Val, read, write};

    use crate::exit::{Code, Failure};

    /// Definitions of ours, which a test uses.
    const FORMATS: &str = include_str!("filter.jq");

    type Data = data::JustLut<Val>;

    /// A compiled filter.
    pub(crate) struct Filter {
        filter: jaq_core::compile::Filter<jaq_core::Native<Data>>,
    }

    impl Filter {
        /// Compiles a filter.
        ///
        /// # Errors
        ///
        /// Returns a usage error that names the place of the mistake.
        pub(crate) fn new(code: &str) -> Result<Self, Failure> {
            let ours = load::parse(FORMATS, |parser| parser.defs()).unwrap_or_default();
            let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(ours);
            let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
            let arena = Arena::default();
            let program = File { code, path: () };
            let modules = Loader::new(defs).load(&arena, program).map_err(|errors| {
                let error = errors.into_iter().next().map(|(_, error)| describe(code, error));
                wrong(code, &error.unwrap_or_default())
            })?;
            let filter = Compiler::default().with_funs(funs).compile(modules);
            let filter = filter.map_err(|errors| {
                let undefined = errors.into_iter().flat_map(|(_, errors)| errors).next();
                let what =
                    undefined.map(|(name, what)| format!("{} {name} is undefined", what.as_str()));
                wrong(code, &what.unwrap_or_default())
            })?;
            Ok(Self { filter })
        }

        /// Calls `each` with every output of the filter, as JSON.
        ///
        /// # Errors
        ///
        /// Returns an error if the filter fails on this value, or the error of `each`.
        pub(crate) fn run(
            &self,
            json: &str,
            mut each: impl FnMut(&str) -> Result<(), Failure>,
        ) -> Result<(), Failure> {
            let failed = |error: &dyn fmt::Display| {
                let text = format!("the filter failed: {error} (the server had answered)");
                Failure::new(Code::Refused, text)
            };
            let value = read::parse_single(json.as_bytes()).map_err(|error| failed(&error))?;
            let context = Ctx::<Data>::new(&self.filter.lut, Vars::new([]));
            let layout = Pp { sep_space: true, ..Pp::default() };
            for output in self.filter.id.run((context, value)).map(unwrap_valr) {
                let output = output.map_err(|error| failed(&error))?;
                let mut json = Vec::new();
                write::write(&mut json, &layout, 0, &output).map_err(|error| failed(&error))?;
                each(&String::from_utf8_lossy(&json))?;
            }
            Ok(())
        }
    }

    impl fmt::Debug for Filter {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Filter")
        }
    }

    fn wrong(code: &str, why: &str) -> Failure {
        let code = code.trim();
        Failure::usage(format!("the filter {code:?} is wrong: {why}; nothing was sent"))
    }

    fn describe(code: &str, error: load::Error<&str>) -> String {
        let place = |found: &str| match found.is_empty() {
            true => "at its end".to_owned(),
            false => {
                let at = found.as_ptr() as usize - code.as_ptr() as usize;
                let found: String = found.chars().take(20).collect();
                format!("at byte {at}, before {found:?}")
            }
        };
        match error {
            load::Error::Io(errors) => {
                errors.first().map(|(_, why)| why.clone()).unwrap_or_default()
            }
            load::Error::Lex(errors) => match errors.first() {
                Some((expected, found)) => {
                    format!("{} is expected {}", expected.as_str(), place(found))
                }
                None => String::new(),
            },
            load::Error::Parse(errors) => match errors.first() {
                Some((expected, found)) => {
                    format!("{} is expected {}", expected.as_str(), place(found))
                }
                None => String::new(),
            },
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn run(code: &str, json: &str) -> Result<Vec<String>, Failure> {
            let mut outputs = Vec::new();
            Filter::new(code)?.run(json, |output| {
                outputs.push(output.to_owned());
                Ok(())
            })?;
            Ok(outputs)
        }

        #[test]
        fn each_output_is_json() {
            let json = r#"[{"device": "d0", "size": 18446744073709551615}, {"device": "d1", "size": 1.50}]"#;
            assert_eq!(run(".[].device", json).unwrap(), [r#""d0""#, r#""d1""#]);
            assert_eq!(
                run(".[0]", json).unwrap(),
                [r#"{"device": "d0", "size": 18446744073709551615}"#]
            );
            assert_eq!(run("map(.size) | length", json).unwrap(), ["2"]);
            assert_eq!(run("empty", json).unwrap(), [""; 0]);
        }

        #[test]
        fn formats_are_those_of_jq() {
            let json = r#"["a\tb", "c'\"d\\", 1.50, null, true]"#;
            for (format, output) in [
                ("@tsv", r#""a\\tb\tc'\"d\\\\\t1.50\t\ttrue""#),
                ("@csv", r#""\"a\tb\",\"c'\"\"d\\\",1.50,,true""#),
                (".[0] | @text", r#""a\tb""#),
                (".[0] | @base64", r#""YQli""#),
            ] {
                assert_eq!(run(format, json).unwrap(), [output], "{format}");
            }
        }

        #[test]
        fn a_mistake_is_found_when_it_is_compiled() {
            for (code, why) in [
                (".[", "at its end"),
                ("}", "at byte 0"),
                (".a | foo", "foo is undefined"),
                ("$x", "x is undefined"),
            ] {
                let failure = Filter::new(code).unwrap_err();
                assert_eq!(failure.code, Code::Usage);
                assert!(failure.to_string().contains(why), "{failure}");
            }
            let failure = run(".a", "[]").unwrap_err();
            assert_eq!(failure.code, Code::Refused);
        }
    }
}

#[cfg(not(feature = "filter"))]
mod without {
    use std::convert::Infallible;

    use crate::exit::Failure;

    /// A filter, which cannot be made without the feature `filter`.
    #[derive(Debug)]
    pub(crate) struct Filter(Infallible);

    impl Filter {
        /// # Errors
        ///
        /// Returns a usage error.
        pub(crate) fn new(_: &str) -> Result<Self, Failure> {
            Err(Failure::usage("this qmp was built without filters; pipe its output into jq"))
        }

        pub(crate) fn run(
            &self,
            _: &str,
            _: impl FnMut(&str) -> Result<(), Failure>,
        ) -> Result<(), Failure> {
            match self.0 {}
        }
    }
}
