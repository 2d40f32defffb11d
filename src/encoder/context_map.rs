//! Context maps as a stream carries them (RFC 7932 §7.3).

use crate::{
    bits::Bits,
    blocks::write_number,
    context::CONTEXTS,
    metablock::MOST_TYPES,
    prefix::{self, Code},
};

/// Moved to front, zeros by runs.
pub(crate) fn write(map: &[u8], trees: usize, bits: &mut Bits) {
    write_number(trees, bits);
    if trees == 1 {
        return;
    }
    let mut order = [0_u8; 256];
    for (at, entry) in order.iter_mut().enumerate() {
        *entry = at as u8;
    }
    let mut moved = [0_u8; MOST_TYPES * CONTEXTS];
    let moved = &mut moved[..map.len()];
    for (value, &tree) in moved.iter_mut().zip(map) {
        let at = order.iter().position(|&other| other == tree).expect("all are in it");
        order.copy_within(..at, 1);
        order[0] = tree;
        *value = at as u8;
    }
    let longest = moved.split(|&value| value != 0).map(<[u8]>::len).max().unwrap_or(0).max(1);
    let most = longest.ilog2().min(6);
    let mut counts = [0_u32; 256 + 16];
    let alphabet = trees + most as usize;
    let each = |emit: &mut dyn FnMut(usize, u32, u32)| {
        let mut at = 0;
        while at < moved.len() {
            if moved[at] != 0 {
                emit(usize::from(moved[at]) + most as usize, 0, 0);
                at += 1;
                continue;
            }
            let run = moved[at..].iter().take_while(|&&value| value == 0).count().min((2 << most) - 1);
            let power = run.ilog2();
            emit(power as usize, power, run as u32 - (1 << power));
            at += run;
        }
    };
    each(&mut |symbol, _, _| counts[symbol] += 1);
    bits.write(1, u64::from(most > 0));
    if most > 0 {
        bits.write(4, u64::from(most) - 1);
    }
    let mut codes = [Code::default(); 256 + 16];
    prefix::write(&counts[..alphabet], &mut codes[..alphabet], bits);
    each(&mut |symbol, count, value| {
        codes[symbol].put(bits);
        bits.write(count, u64::from(value));
    });
    bits.write(1, 1);
}
