use bytes::{Bytes, BytesMut};
use mysql_common::Value;
use mysql_common::constants::{ColumnFlags, ColumnType as T};
use mysql_common::io::ParseBuf;
use proptest::prelude::*;

use super::binary::take_binary_value;
use super::*;
use crate::column::ColumnDef;

fn column(column_type: T) -> ColumnDef {
    ColumnDef {
        decimals: 31,
        ..ColumnDef::expression("c", column_type, 20)
    }
}

fn unsigned(column_type: T) -> ColumnDef {
    ColumnDef {
        flags: ColumnFlags::UNSIGNED_FLAG,
        ..column(column_type)
    }
}

fn binary(text: &str, column: &ColumnDef) -> Result<Value, ValueError> {
    let mut out = BytesMut::new();
    put_text_cell_as_binary(&mut out, text.as_bytes(), column)?;
    let mut buf = ParseBuf(&out);
    let value = take_binary_value(&mut buf, column.column_type, column.is_unsigned()).unwrap();
    assert!(buf.is_empty());
    Ok(value)
}

#[test]
fn every_type_converts_from_text_to_binary() {
    let cases = [
        (column(T::MYSQL_TYPE_TINY), "-128", Value::Int(-128)),
        (unsigned(T::MYSQL_TYPE_TINY), "255", Value::UInt(255)),
        (column(T::MYSQL_TYPE_SHORT), "-32768", Value::Int(-32768)),
        (unsigned(T::MYSQL_TYPE_YEAR), "2155", Value::UInt(2155)),
        (
            column(T::MYSQL_TYPE_INT24),
            "-8388608",
            Value::Int(-8_388_608),
        ),
        (unsigned(T::MYSQL_TYPE_LONG), "0000000042", Value::UInt(42)),
        (
            column(T::MYSQL_TYPE_LONGLONG),
            "-9223372036854775808",
            Value::Int(i64::MIN),
        ),
        (
            unsigned(T::MYSQL_TYPE_LONGLONG),
            "18446744073709551615",
            Value::UInt(u64::MAX),
        ),
        (
            column(T::MYSQL_TYPE_FLOAT),
            "1.5e-20",
            Value::Float(1.5e-20),
        ),
        (column(T::MYSQL_TYPE_DOUBLE), "-0.1", Value::Double(-0.1)),
        (
            column(T::MYSQL_TYPE_DATE),
            "2024-02-29",
            Value::Date(2024, 2, 29, 0, 0, 0, 0),
        ),
        (
            column(T::MYSQL_TYPE_DATE),
            "0000-00-00",
            Value::Date(0, 0, 0, 0, 0, 0, 0),
        ),
        (
            column(T::MYSQL_TYPE_DATETIME),
            "2024-02-29 23:59:58",
            Value::Date(2024, 2, 29, 23, 59, 58, 0),
        ),
        (
            column(T::MYSQL_TYPE_TIMESTAMP),
            "2024-02-29 00:00:00.25",
            Value::Date(2024, 2, 29, 0, 0, 0, 250_000),
        ),
        (
            column(T::MYSQL_TYPE_TIME),
            "-838:59:59",
            Value::Time(true, 34, 22, 59, 59, 0),
        ),
        (
            column(T::MYSQL_TYPE_TIME),
            "00:00:00.000001",
            Value::Time(false, 0, 0, 0, 0, 1),
        ),
        (
            column(T::MYSQL_TYPE_NEWDECIMAL),
            "1.10",
            Value::Bytes(b"1.10".to_vec()),
        ),
        (
            column(T::MYSQL_TYPE_STRING),
            "red",
            Value::Bytes(b"red".to_vec()),
        ),
        (column(T::MYSQL_TYPE_BLOB), "", Value::Bytes(vec![])),
        (column(T::MYSQL_TYPE_BIT), "\x05", Value::Bytes(vec![5])),
    ];
    for (column, text, expected) in cases {
        assert_eq!(
            binary(text, &column),
            Ok(expected),
            "{text} as {:?}",
            column.column_type
        );
    }
}

#[test]
fn text_that_is_no_value_of_its_type_is_an_error_and_names_it() {
    for (column_type, text) in [
        (T::MYSQL_TYPE_LONG, "twelve"),
        (T::MYSQL_TYPE_LONG, "1.5"),
        (T::MYSQL_TYPE_DOUBLE, ""),
        (T::MYSQL_TYPE_DATE, "yesterday"),
        (T::MYSQL_TYPE_DATETIME, "2024-01-01 25"),
        (T::MYSQL_TYPE_TIME, "1:2:3:4"),
    ] {
        let error = binary(text, &column(column_type)).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a_text_row_becomes_the_binary_row_of_the_same_values() {
    let columns = [
        column(T::MYSQL_TYPE_LONG),
        column(T::MYSQL_TYPE_DOUBLE),
        column(T::MYSQL_TYPE_VAR_STRING),
    ];
    let mut row = BytesMut::new();
    encode_text_row(&mut row, [Some(&b"7"[..]), None, Some(&b"x"[..])]);
    let mut out = BytesMut::new();
    TextToBinary::new(&columns).convert(&row, &mut out).unwrap();
    let mut expected = BytesMut::new();
    let values = [Value::Int(7), Value::NULL, Value::Bytes(b"x".to_vec())];
    encode_binary_row(&mut expected, &values, &columns).unwrap();
    assert_eq!(out, expected);
    let cells: Result<Vec<_>, _> = BinaryCells::new(&out, &columns).unwrap().collect();
    assert_eq!(cells.unwrap(), values);
    let error = TextToBinary::new(&columns[..2])
        .convert(&row, &mut out)
        .unwrap_err();
    assert_eq!(
        error,
        ValueError::CellCount {
            cells: 3,
            columns: 2
        }
    );
}

#[test]
fn the_null_bitmap_reaches_beyond_one_byte() {
    let columns: Vec<_> = (0..17).map(|_| column(T::MYSQL_TYPE_LONGLONG)).collect();
    let values: Vec<_> = (0..17)
        .map(|i| {
            if i % 3 == 0 {
                Value::NULL
            } else {
                Value::Int(i)
            }
        })
        .collect();
    let mut out = BytesMut::new();
    encode_binary_row(&mut out, &values, &columns).unwrap();
    let cells: Result<Vec<_>, _> = BinaryCells::new(&out, &columns).unwrap().collect();
    assert_eq!(cells.unwrap(), values);
}

#[test]
fn values_print_as_mariadb_prints_them() {
    let print = |value: Value, column: ColumnDef| {
        let mut out = BytesMut::new();
        put_text_value(&mut out, &value, &column);
        let row = out.freeze();
        let cell = TextCells::new(&row)
            .next()
            .unwrap()
            .unwrap()
            .unwrap()
            .to_vec();
        String::from_utf8(cell).unwrap()
    };
    let with_decimals = |column_type, decimals| ColumnDef {
        decimals,
        ..column(column_type)
    };
    assert_eq!(print(Value::Int(-5), column(T::MYSQL_TYPE_LONG)), "-5");
    for (number, decimals, text) in [
        (2.0, 3, "2.000"),
        (0.03125, 4, "0.0312"),
        (0.09375, 4, "0.0938"),
        (-1.115, 2, "-1.11"),
        (
            3_514_191_081_281_294_500_000_000.0,
            2,
            "3514191081281294500000000.00",
        ),
        (123_456_789.123_456_79, 12, "123456789.123456790000"),
        (1.0 / 3.0, 25, "0.3333333333333333000000000"),
        (1e17, 0, "100000000000000000"),
    ] {
        let column = with_decimals(T::MYSQL_TYPE_DOUBLE, decimals);
        assert_eq!(print(Value::Double(number), column), text);
    }
    let day = Value::Date(2024, 1, 2, 3, 4, 5, 60_000);
    assert_eq!(
        print(day.clone(), with_decimals(T::MYSQL_TYPE_DATE, 0)),
        "2024-01-02"
    );
    assert_eq!(
        print(day.clone(), with_decimals(T::MYSQL_TYPE_DATETIME, 0)),
        "2024-01-02 03:04:05"
    );
    assert_eq!(
        print(day, with_decimals(T::MYSQL_TYPE_DATETIME, 3)),
        "2024-01-02 03:04:05.060"
    );
    let time = Value::Time(true, 1, 2, 3, 4, 0);
    assert_eq!(
        print(time, with_decimals(T::MYSQL_TYPE_TIME, 0)),
        "-26:03:04"
    );
}

/// Expected texts were taken from MariaDB 10.11 (`SELECT 1e15, …`; floats through a FLOAT column).
#[test]
fn floating_point_numbers_print_as_in_mariadb() {
    for (number, text) in [
        (0.0, "0"),
        (-1.5, "-1.5"),
        (100.0, "100"),
        (0.1, "0.1"),
        (1e14, "100000000000000"),
        (123_456_789_012_345.0, "123456789012345"),
        (1e15, "1e15"),
        (1.5e15, "1.5e15"),
        (1e-5, "0.00001"),
        (1e-15, "0.000000000000001"),
        (1e-16, "1e-16"),
        (1.797_693_134_862_315_7e308, "1.7976931348623157e308"),
        (0.1 + 0.2, "0.30000000000000004"),
    ] {
        assert_eq!(format_double(number), text);
    }
    for (number, text) in [
        (1.0_f32 / 3.0, "0.333333"),
        (16_777_216.0, "16777200"),
        (1e20, "1e20"),
        (2.5, "2.5"),
    ] {
        assert_eq!(format_float(number), text);
    }
}

proptest! {
    #[test]
    fn a_double_survives_its_text(number in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
        prop_assert_eq!(format_double(number).parse::<f64>().unwrap().to_bits(), number.to_bits());
    }

    #[test]
    fn no_bytes_make_a_row_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), types in prop::collection::vec(any::<u8>(), 0..20)) {
        let _ = TextCells::new(&bytes).count();
        let columns: Vec<_> = types.iter().filter_map(|t| T::try_from(*t).ok()).map(column).collect();
        if let Ok(cells) = BinaryCells::new(&bytes, &columns) {
            let _ = cells.count();
        }
        let _ = TextToBinary::new(&columns).convert(&bytes, &mut BytesMut::new());
        let _ = ColumnDef::decode(&Bytes::from(bytes));
    }
}
