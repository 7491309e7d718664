//! Which files are a policy.

use super::*;

fn from(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
    let errors = PolicySource::from_files(files).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

const MINIMUM: [(&str, &str); 2] = [("services.toml", ""), ("a.cedar", "")];

fn with(name: &str) -> Vec<String> {
    from(&[MINIMUM.as_slice(), &[(name, "x")]].concat())
}

#[test]
fn a_file_that_is_neither_read_nor_known_is_refused() {
    for name in ["b.cedar", "shop-2.old.cedar", "duties.toml", "cases.toml"] {
        assert_eq!(with(name), Vec::<String>::new(), "{name}");
    }
    for name in ["shop.ceder", "shop.cedar.off", ".cedar", ".a.cedar", "policy/a.cedar", "../a.cedar", "a b.cedar", ""]
    {
        let errors = with(name);
        assert_eq!(errors.len(), 1, "{name}");
        assert!(errors[0].starts_with(&format!("{name}: not a policy file; a policy is services.toml")), "{errors:?}");
    }
    assert_eq!(with("a.cedar"), ["a.cedar: is there twice; each name stands for one file"]);
}

#[test]
fn all_that_is_missing_is_said() {
    assert_eq!(
        from(&[]),
        [
            "*.cedar: no such file; to permit nothing, write an empty one",
            "services.toml: is missing; it says what runs here",
        ]
    );
}

#[test]
fn a_directory_is_read_without_links_and_directories() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for name in ["services.toml", "a.cedar", "README.md", ".hidden"] {
        std::fs::write(at(name), name).unwrap();
    }
    let source = PolicySource::from_dir(directory.path()).unwrap();
    let files: Vec<_> = source.files().collect();
    assert_eq!(files, [("a.cedar", &b"a.cedar"[..]), ("services.toml", b"services.toml")]);
    std::os::unix::fs::symlink(at("a.cedar"), at("b.cedar")).unwrap();
    std::fs::create_dir(at("c.cedar")).unwrap();
    std::fs::write(at("notes.txt"), "").unwrap();
    let errors = PolicySource::from_dir(directory.path()).unwrap_err();
    let files: Vec<_> = errors.iter().map(|error| error.file.as_str()).collect();
    assert_eq!(files, ["b.cedar", "c.cedar", "notes.txt"], "{errors:#?}");
    let missing = PolicySource::from_dir(&at("none")).unwrap_err();
    assert!(missing[0].message.ends_with("a policy is a readable directory"), "{missing:?}");
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let files = MINIMUM.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let large = [("b.cedar".to_owned(), vec![b' '; MAX_FILE_BYTES + 1])];
    let errors = PolicySource::from_files(files.into_iter().chain(large)).unwrap_err();
    assert_eq!(errors[0].to_string(), "b.cedar: 4194305 bytes; a policy file has at most 4194304");
}

#[test]
fn bytes_that_are_no_text_are_reported_with_their_place() {
    let files = [("services.toml".to_owned(), b"a = \"\xff\"".to_vec()), ("a.cedar".to_owned(), b"\xff".to_vec())];
    let errors = crate::compile(&PolicySource::from_files(files).unwrap(), None).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "a.cedar: byte 0 is not UTF-8; policy files are UTF-8",
            "services.toml: byte 5 is not UTF-8; policy files are UTF-8"
        ]
    );
}

#[test]
fn the_line_of_a_diagnostic_is_shown_as_it_is_written() {
    let files = [("services.toml", "environment = \"demo\"\nenvironmnt = 7\n"), ("a.cedar", "")];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let source = PolicySource::from_files(files).unwrap();
    let errors = crate::compile(&source, None).unwrap_err();
    let lines: Vec<_> = errors.iter().map(|error| source.line_of(error)).collect();
    assert_eq!(lines, [None, Some("environmnt = 7")], "{errors:#?}");
}
