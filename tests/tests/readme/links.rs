//! A README is read on GitHub, on crates.io and on docs.rs, where a relative link leads to three
//! places: so there is none. Links to the repository itself lead to what there is.

use crate::pages::{Page, repository, root};

/// What links of a page lead to.
fn targets(page: &Page) -> Vec<String> {
    let prose = page.prose();
    let inline = prose.split("](").skip(1).map(|rest| {
        let end = rest.find(')').unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    let definitions = prose.lines().filter_map(|line| {
        let (name, target) = line.strip_prefix('[')?.split_once("]: ")?;
        (!name.contains(']')).then(|| target.trim().to_owned())
    });
    let html = ["src=\"", "href=\""].into_iter().flat_map(|attribute| {
        let rests = prose.split(attribute).skip(1);
        rests.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
    });
    inline.chain(definitions).chain(html).collect()
}

/// What is wrong with a link of a page; `None` if it is good.
fn objection(page: &Page, target: &str) -> Option<String> {
    let (address, anchor) = target.split_once('#').unwrap_or((target, ""));
    if let Some(path) = address.strip_prefix(&repository()) {
        return within_the_repository(path, anchor);
    }
    if address.starts_with("https://") {
        return None;
    }
    if address.is_empty() {
        let is_there = page.anchors().iter().any(|own| own == anchor);
        return (!is_there).then(|| "there is no such heading".to_owned());
    }
    Some("it is relative".to_owned())
}

/// The same for the path after the address of the repository.
fn within_the_repository(path: &str, anchor: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let file = ["/blob/main/", "/tree/main/"]
        .into_iter()
        .find_map(|view| path.strip_prefix(view));
    let Some(file) = file else {
        return Some("it is neither /blob/main/FILE nor /tree/main/FOLDER".to_owned());
    };
    let there = root().join(file);
    match path.starts_with("/tree/") {
        true if !there.is_dir() => return Some("there is no such folder".to_owned()),
        false if !there.is_file() => return Some("there is no such file".to_owned()),
        _ => {}
    }
    let is_anchor = |page: &Page| page.anchors().iter().any(|own| own == anchor);
    let pages = Page::all();
    let page = pages.iter().find(|page| page.path.ends_with(file));
    let is_good = anchor.is_empty() || page.is_some_and(is_anchor);
    (!is_good).then(|| "there is no such heading".to_owned())
}

#[test]
fn no_link_of_a_readme_is_relative_or_leads_nowhere() {
    let mut objections = Vec::new();
    let mut count = 0;
    for page in Page::readmes() {
        for target in targets(&page) {
            count += 1;
            if let Some(objection) = objection(&page, &target) {
                objections.push(format!("{}: {target}: {objection}", page.path.display()));
            }
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    assert!(count > 30, "only {count} links were found");
}

#[test]
fn links_of_the_other_pages_lead_to_a_file() {
    for page in Page::all() {
        if page.path.ends_with("README.md") || page.path.starts_with("core/docs") {
            continue; // docs: rustdoc looks at those
        }
        for target in targets(&page) {
            let (file, _) = target.split_once('#').unwrap_or((&target, ""));
            let there = root().join(page.path.parent().unwrap()).join(file);
            let is_good = file.starts_with("https://") || file.is_empty() || there.exists();
            assert!(is_good, "{}: {target}", page.path.display());
        }
    }
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let own = repository();
    let page = |text: &str| Page {
        path: "README.md".into(),
        text: text.to_owned(),
    };
    for (text, told) in [
        ("see [it](SECURITY.md)", "it is relative"),
        ("[it]\n\n[it]: docs/x.md", "it is relative"),
        ("<img src=\"a.png\">", "it is relative"),
        ("see [it](http://id.example)", "it is relative"),
        ("# A b\n[it](#a-c)", "there is no such heading"),
        (
            &format!("[it]({own}/blob/main/NO.md)"),
            "there is no such file",
        ),
        (
            &format!("[it]({own}/tree/main/no)"),
            "there is no such folder",
        ),
        (
            &format!("[it]({own}/blob/main/CONTRIBUTING.md#no)"),
            "there is no such heading",
        ),
        (
            &format!("[it]({own}/SECURITY.md)"),
            "it is neither /blob/main/FILE nor /tree/main/FOLDER",
        ),
    ] {
        let page = page(text);
        let [target] = &*targets(&page) else {
            panic!("{text}");
        };
        assert_eq!(objection(&page, target).as_deref(), Some(told), "{text}");
    }
    for text in [
        "see [it](https://id.example/a#b)",
        "# A b\n[it](#a-b)",
        &format!("[it]({own})"),
        &format!("[it]({own}/blob/main/CONTRIBUTING.md#speed)"),
        &format!("[it]({own}/tree/main/examples)"),
    ] {
        let page = page(text);
        let [target] = &*targets(&page) else {
            panic!("{text}");
        };
        assert_eq!(objection(&page, target), None, "{text}");
    }
    assert!(targets(&page("\n```text\n[it](a.md)\n```\n")).is_empty());
}
