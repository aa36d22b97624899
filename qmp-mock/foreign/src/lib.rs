//! Other people's clients, against the mock: all of it is in the tests.
