//! The whole system, from outside: the modules mirror the URLs, `platform` is what holds for all of them, `faults`
//! what happens when something breaks, `afterwards` what all of it left behind.

mod afterwards;

fn main() -> std::process::ExitCode {
    let tests = [vec![]];
    zygo_tests::runner::run(tests.into_iter().flatten().collect(), afterwards::tests())
}
