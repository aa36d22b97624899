//! The table of requests, compared with a simple model.

mod model;

use proptest::collection::vec;
use proptest::prelude::*;

use super::config;
use model::{Act, Model, Server};

fn act() -> impl Strategy<Value = Act> {
    let index = || any::<prop::sample::Index>();
    let flag = |probability| prop::bool::weighted(probability);
    prop_oneof![
        12 => (flag(0.3), flag(0.15), flag(0.1), length()).prop_map(
            |(out_of_band, descriptor, unanswered, length)| {
                Act::Execute { out_of_band, descriptor, unanswered, length }
            }
        ),
        4 => index().prop_map(Act::Abandon),
        8 => (index(), any::<bool>()).prop_map(|(which, success)| Act::Answer { which, success }),
        1 => index().prop_map(Act::Overtake),
        1 => index().prop_map(Act::Duplicate),
        1 => prop_oneof![0..40_u64, any::<u64>()].prop_map(Act::Foreign),
        1 => Just(Act::ParseError),
        1 => Just(Act::StartOver),
    ]
}

/// The length of the arguments. An agent can have at most 4095 bytes unanswered.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..20_usize, 1 => 20..200_usize, 1 => 1000..5000_usize]
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn no_token_is_lost_and_every_reply_is_matched(
        server in prop::sample::select(vec![Server::Monitor, Server::OutOfBand, Server::Agent]),
        acts in vec(act(), 0..120),
    ) {
        let mut model = Model::new(server);
        for act in &acts {
            if matches!(act, Act::ParseError) && model.in_flight.len() > 1 && acts.len() % 4 > 0 {
                continue; // it would end most runs early
            }
            model.act(act);
        }
        model.end();
    }
}
