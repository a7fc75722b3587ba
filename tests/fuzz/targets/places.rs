//! Cursors, page tokens, and where a page of messages lies.

use tinychat::domain::{
    cursor::Cursor,
    ids::{Epoch, Offset, Seq},
    name::UserName,
    page::{PageSize, Position, page_key, page_token},
};

/// The text of a cursor or token; its bytes are also the numbers of a page.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let epoch = Epoch::new(0xfeed);
    let end = Offset::new(1_000_000);
    if let Ok(cursor) = Cursor::read(&text, epoch, end) {
        assert_eq!(
            cursor.to_string(),
            text,
            "there is one way to write a cursor"
        );
        assert!(cursor.epoch == epoch && cursor.offset <= end);
    }
    if let Ok(Some(name)) = page_key::<UserName>(&text) {
        assert_eq!(page_key(&page_token(name.as_str())), Ok(Some(name)));
    }
    if let Ok(Some(number)) = page_key::<u64>(&text) {
        assert_eq!(page_key(&page_token(&number.to_string())), Ok(Some(number)));
    }
    let Some((numbers, _)) = data.split_first_chunk::<21>() else {
        return;
    };
    let number = |at: usize| u64::from_le_bytes(numbers[at..at + 8].try_into().unwrap());
    let (seq, last) = (Seq::new(number(1)), number(9));
    let position = match numbers[0] % 4 {
        0 => Position::Newest,
        1 => Position::Before(seq),
        2 => Position::After(seq),
        _ => Position::Around(seq),
    };
    let size = PageSize::asked(u32::from_le_bytes(numbers[17..21].try_into().unwrap()));
    assert!((1..=500).contains(&size.items()));
    let floor = u64::from(numbers[0] / 4);
    if let Some((from, to)) = position.range(Seq::new(floor), Seq::new(last), size) {
        let (from, to) = (from.number(), to.number());
        assert!(
            floor < from && from <= to && to <= last,
            "{from}..={to} of {last} above {floor}"
        );
        assert!(to - from < size.items() as u64, "{from}..={to}");
        match position {
            Position::Newest => assert_eq!(to, last),
            Position::Before(seq) => assert!(to < seq.number()),
            Position::After(seq) => assert!(from > seq.number()),
            Position::Around(_) => {}
        }
    }
}
