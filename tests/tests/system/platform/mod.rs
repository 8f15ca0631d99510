//! What holds for every request, whatever the capability.

mod access;
mod bodies;
mod cors;
mod etags;
mod gate;
mod heads;
mod hosts;
mod idempotency;
mod kept;
mod methods;
mod round_trips;
mod standing;
mod tokens;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    let modules = [
        access::tests(),
        bodies::tests(),
        cors::tests(),
        etags::tests(),
        gate::tests(),
        heads::tests(),
        hosts::tests(),
        idempotency::tests(),
        kept::tests(),
        methods::tests(),
        round_trips::tests(),
        standing::tests(),
        tokens::tests(),
    ];
    modules.into_iter().flatten().collect()
}
