use super::*;

fn table() -> Table {
    let mut table = Table::new([
        Column::new("STATUS", 6, 0),
        Column::new("APPLICATION", 8, 0),
        Column::new("COMMIT", 7, 1),
        Column::new("ID", 12, 2),
    ]);
    for (status, name, commit, id) in [
        ("succeeded", "checkout-web", "0123abcd", "018f00000001"),
        ("failed (build_failed)", "配達サービス", "-", "018f00000002"),
        ("queued", "evil\u{1b}[2J\nname", "89abcdef", "018f00000003"),
    ] {
        table.push([
            Cell::styled(status, Style::Red),
            Cell::new(name),
            Cell::new(commit),
            Cell::new(id),
        ]);
    }
    table
}

/// One snapshot for each width at which something else happens.
#[test]
fn it_looks_like_this() {
    let shown = |width| table().render(width, false);
    assert_eq!(
        shown(None),
        "\
STATUS                 APPLICATION   COMMIT    ID
succeeded              checkout-web  0123abcd  018f00000001
failed (build_failed)  配達サービス  -         018f00000002
queued                 evil[2J name  89abcdef  018f00000003
"
    );
    assert_eq!(
        shown(Some(50)),
        "\
STATUS        APPLICATION   COMMIT    ID
succeeded     checkout-web  0123abcd  018f00000001
failed (bui…  配達サービス  -         018f00000002
queued        evil[2J name  89abcdef  018f00000003
"
    );
    assert_eq!(
        shown(Some(36)),
        "\
STATUS        APPLICATION   COMMIT
succeeded     checkout-web  0123abcd
failed (bui…  配達サービス  -
queued        evil[2J name  89abcdef
"
    );
    assert_eq!(
        shown(Some(20)),
        "\
STATUS     APPLICAT…
succeeded  checkout…
failed (…  配達サー…
queued     evil[2J …
"
    );
    assert_eq!(
        shown(Some(10)),
        "\
STATUS  A…
succe…  c…
faile…  …
queued  e…
"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 1..=90 {
        for line in table().render(Some(width), true).lines() {
            assert!(measure_text_width(line) <= width, "{width}: {line:?}");
        }
    }
}

#[test]
fn colours_change_no_width_and_stay_off_where_they_are_not_wanted() {
    for width in [None, Some(40)] {
        let plain = table().render(width, false);
        let coloured = table().render(width, true);
        assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[31m"));
        assert_eq!(console::strip_ansi_codes(&coloured), plain);
    }
}

#[test]
fn an_empty_table_has_its_titles() {
    assert_eq!(Table::new([Column::new("A", 1, 0)]).render(Some(40), false), "A\n");
    assert!(table().fits(None) && table().fits(Some(70)) && !table().fits(Some(40)));
}
