//! The set-ups in Chromium.

use countersign_tests::browser::{drive, folder, node};

use crate::{log, sites};

#[test]
fn every_set_up_works_in_a_browser_and_its_mistakes_are_told() {
    let Some(scripts) = folder("COUNTERSIGN_BROWSER", "the set-ups in Chromium") else {
        return;
    };
    log::keep();
    let (origins, _nginx, _forms) = sites::start();
    let mut script = node();
    script
        .arg(scripts.join("set-ups.mjs"))
        .arg(origins.to_string());
    drive(&mut script, "set-ups");

    log::assert_has("cross_site", "`Csrf::allow_origin` names others");
    if origins["innerPath"].is_string() {
        log::assert_has("WARN", "A proxy may have removed the start of the path");
    }
}
