//! The `--rest` file.

use super::*;
use crate::folder::Folder;

#[test]
fn the_file_lists_what_is_not_done_at_every_moment() {
    let folder = Folder::new();
    let path = folder.join("rest");
    let text = |path: &Path| std::fs::read_to_string(path).expect("readable");
    std::fs::write(&path, "old\n").expect("written");
    let mut rest = Rest::start(&path, Need::Identity).expect("started");
    rest.header(b"kind,id").expect("kept");
    for line in [b"authz,a1".as_slice(), b"authz,a2", b"authz,a3"] {
        rest.keep(line).expect("kept");
    }
    assert_eq!(text(&path), "old\n", "the old file is kept until the new one is published");
    rest.publish().expect("published");
    assert_eq!(text(&path), "kind,id\nauthz,a1\nauthz,a2\nauthz,a3\n");
    rest.done(1).expect("done");
    assert_eq!(text(&path), "kind,id\nauthz,a1\n        \nauthz,a3\n");
    assert_eq!(rest.remaining(), 2);
    rest.finish().expect("finished");
    assert_eq!(text(&path), "kind,id\nauthz,a1\nauthz,a3\n");
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1, "no draft is left");
}

#[test]
fn lines_are_added_while_others_are_done() {
    let folder = Folder::new();
    let path = folder.join("rest");
    let text = || std::fs::read_to_string(&path).expect("readable");
    let mut rest = Rest::start(&path, Need::Identity).expect("started");
    rest.publish().expect("published");
    for no_input in [&b""[..], b" \t", b"\0   ,a0"] {
        rest.header(no_input).expect("passed over");
    }
    rest.keep(b"a0").expect("kept");
    rest.done(0).expect("done");
    rest.header(b"kind,id").expect("kept");
    let long = format!("authz,{}", "x".repeat(600));
    for line in [&long, "a", "authz,a2"] {
        rest.keep(line.as_bytes()).expect("kept");
    }
    rest.done(1).expect("done");
    rest.header(b"id,kind").expect("kept");
    rest.keep(b"a3,authz").expect("kept");
    rest.header(b"kind,id,status").expect("kept");
    let blank = " ".repeat(606);
    assert_eq!(text(), format!("  \nkind,id\n{blank}\na\nauthz,a2\nid,kind\na3,authz\nkind,id,status\n"));
    rest.done(2).expect("done");
    rest.done(2).expect("done, and not twice");
    rest.done(5).expect("no such line");
    assert_eq!(text(), format!("  \nkind,id\n{blank}\n \nauthz,a2\nid,kind\na3,authz\nkind,id,status\n"));
    assert_eq!(rest.remaining(), 2);
    rest.finish().expect("finished");
    assert_eq!(text(), "kind,id\nauthz,a2\nid,kind\na3,authz\n");
}

#[test]
fn a_line_is_never_half_overwritten() {
    for len in [0, 1, 2, 256, 257, 258, 700] {
        let mut line = vec![b'x'; len];
        for (at, bytes) in blanking(len as u64) {
            line[at as usize..][..bytes.len()].copy_from_slice(bytes);
            assert!(matches!(line.first(), None | Some(b'\0' | b' ')), "{len}: {line:?}");
            assert!(line.first() != Some(&b' ') || line.trim_ascii().is_empty(), "{len}: {line:?}");
        }
        assert_eq!(line, vec![b' '; len]);
    }
}

#[test]
fn lines_that_are_being_overwritten_are_ignored_as_input() {
    let mut sniffer = crate::input::sniffer::Sniffer::new(crate::input::entry::Need::Identity);
    for torn in [&b"\0kind\":\"authz\"}"[..], b"\0   \"authz\"}", b"\0"] {
        assert!(matches!(sniffer.line(torn), Ok(None)), "{torn:?}");
    }
}

#[test]
fn the_old_file_is_kept_if_nothing_is_published() {
    let folder = Folder::new();
    let path = folder.join("rest");
    std::fs::write(&path, "old\n").expect("written");
    let mut rest = Rest::start(&path, Need::Identity).expect("started");
    rest.keep(b"x").expect("kept");
    drop(rest);
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), "old\n");
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1);
}

#[test]
fn a_file_belongs_to_one_run() {
    let folder = Folder::new();
    let path = folder.join("rest");
    let start = || Rest::start(&path, Need::Identity);
    let busy = |there: Result<Rest, Error>| there.err().map(|e| (e.status(), e.to_string()));
    let expected = (2, format!("{}: another run is using it", path.display()));
    let mut first = start().expect("started");
    first.keep(b"a1").expect("kept");
    assert_eq!(busy(start()), Some(expected.clone()), "before it is published");
    first.publish().expect("published");
    assert_eq!(busy(start()), Some(expected), "afterwards");
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), "a1\n");
    drop(first);
    // A killed run leaves its draft behind.
    std::fs::write(folder.join("rest.draft.tmp"), "left\n").expect("written");
    let mut second = start().expect("started again");
    second.keep(b"a2").expect("kept");
    second.publish().expect("published");
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), "a2\n");
    second.finish().expect("finished");
    assert!(start().is_ok());
}

#[test]
fn only_lists_of_records_are_replaced() {
    let folder = Folder::new();
    let path = folder.join("rest");
    let lists = [
        "",
        "\n",
        "a1\n",
        "kind,id\nauthz,a1\n",
        "{\"kind\":\"authz\",\"id\":\"a\"}\n",
        "\0  b\na1\n",
        "a1\na2\na b c!\n",
    ];
    for list in lists {
        std::fs::write(&path, list).expect("written");
        assert!(Rest::start(&path, Need::Identity).is_ok(), "{list:?}");
    }
    for other in [
        "#!/bin/sh\nrm -f \"$1\"\n",
        "[remote \"origin\"]\n",
        "\x7fELF\x02\x01\x01\0\0",
        "Dear all,\n\nplease note: it is late.\n",
    ] {
        std::fs::write(&path, other).expect("written");
        assert!(Rest::start(&path, Need::Identity).is_err(), "{other:?}");
        assert_eq!(std::fs::read(&path).expect("readable"), other.as_bytes());
    }
}

#[test]
fn links_and_devices_are_refused() {
    let folder = Folder::new();
    let path = folder.join("rest");
    std::os::unix::fs::symlink(folder.join("elsewhere"), &path).expect("a link");
    assert!(Rest::start(&path, Need::Identity).is_err());
    assert!(Rest::start(Path::new("/dev/null"), Need::Identity).is_err());
    assert!(Rest::start(Path::new("/"), Need::Identity).is_err());
}

#[test]
fn a_line_that_others_need_is_kept_until_they_are_done() {
    let folder = Folder::new();
    let path = folder.join("rest");
    let mut rest = Rest::start(&path, Need::Plan).expect("started");
    for line in ["client", "one", "two", "other"] {
        rest.keep(line.as_bytes()).expect("kept");
    }
    rest.publish().expect("published");
    rest.hold(&HashMap::from([(1, 0), (2, 0)]));
    let mut left = |done: usize| {
        rest.done(done).expect("noted");
        let text = std::fs::read_to_string(&path).expect("readable");
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(left(0), ["client", "one", "two", "other"]);
    assert_eq!(left(2), ["client", "one", "other"]);
    assert_eq!(left(3), ["client", "one"]);
    assert_eq!(left(1), [""; 0]);
}
