//! What is written into a process's vDSO so that its wall clock is shifted. A program asks for the
//! time there, without the kernel; in place of those functions stand shorter ones, for x86-64, that
//! ask the kernel and add seconds to what is the wall clock's.

use std::ops::Range;

use anyhow::{Context as _, Result, ensure};
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSymbol as _};

/// Bytes in place of others.
#[derive(Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where, from the vDSO's first byte.
    pub at: u64,
    pub shifted: Vec<u8>,
    pub original: Vec<u8>,
}

/// What shifts the wall clock by `seconds` in a process whose vDSO is `image`.
pub fn patches(image: &[u8], seconds: i32) -> Result<Vec<Patch>> {
    let file: ElfFile64<'_, LittleEndian> = ElfFile64::parse(image).context("the vDSO")?;
    let replaced = [
        ("__vdso_clock_gettime", clock_gettime(seconds)),
        ("__vdso_gettimeofday", gettimeofday(seconds)),
        ("__vdso_time", time(seconds)),
    ];
    let patch = |(name, shifted): (&str, Vec<u8>)| {
        let mut symbols = file.dynamic_symbols();
        let symbol = symbols.find(|symbol| symbol.name() == Ok(name));
        let symbol = symbol.with_context(|| format!("the vDSO has no {name}"))?;
        let (at, length) = (symbol.address(), shifted.len() as u64);
        // What follows belongs to others.
        ensure!(symbol.size() >= length, "{name} is too short");
        let range = bytes(at, length).context("an address of the vDSO")?;
        let original = image.get(range).context("a function outside the vDSO")?;
        Ok(Patch {
            at,
            shifted,
            original: original.to_vec(),
        })
    };
    replaced.into_iter().map(patch).collect()
}

fn bytes(at: u64, length: u64) -> Option<Range<usize>> {
    let end = at.checked_add(length)?;
    Some(usize::try_from(at).ok()?..usize::try_from(end).ok()?)
}

/// `clock_gettime(edi, rsi)`: adds to the clocks 0 (`CLOCK_REALTIME`) and 5 (its coarse one).
fn clock_gettime(seconds: i32) -> Vec<u8> {
    let mut code = vec![
        0xb8, 228, 0, 0, 0, // mov eax, 228
        0x0f, 0x05, // syscall
        0x85, 0xc0, // test eax, eax
        0x75, 0x10, // jne end
        0x85, 0xff, // test edi, edi
        0x74, 0x05, // je add
        0x83, 0xff, 5, // cmp edi, 5
        0x75, 0x07, // jne end
        0x48, 0x81, 0x06, // add: add qword [rsi], seconds
    ];
    code.extend(seconds.to_le_bytes());
    code.push(0xc3); // end: ret
    code
}

/// `gettimeofday(rdi, rsi)`.
fn gettimeofday(seconds: i32) -> Vec<u8> {
    let mut code = vec![
        0xb8, 96, 0, 0, 0, // mov eax, 96
        0x0f, 0x05, // syscall
        0x85, 0xc0, // test eax, eax
        0x75, 0x0c, // jne end
        0x48, 0x85, 0xff, // test rdi, rdi
        0x74, 0x07, // je end
        0x48, 0x81, 0x07, // add qword [rdi], seconds
    ];
    code.extend(seconds.to_le_bytes());
    code.push(0xc3); // end: ret
    code
}

/// `time(rdi)`, which answers and writes the same.
fn time(seconds: i32) -> Vec<u8> {
    let mut code = vec![
        0xb8, 201, 0, 0, 0, // mov eax, 201
        0x0f, 0x05, // syscall
        0x48, 0x05, // add rax, seconds
    ];
    code.extend(seconds.to_le_bytes());
    code.extend([
        0x48, 0x85, 0xff, // test rdi, rdi
        0x74, 0x03, // je end
        0x48, 0x89, 0x07, // mov [rdi], rax
        0xc3, // end: ret
    ]);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_vdso_is_an_error() {
        assert!(patches(b"", 60).is_err());
        assert!(patches(&[0x7f; 4096], 60).is_err());
    }
}
