//! Clusters of histograms: which of them share a code.

use crate::cost;

/// Groups histograms of `alphabet` symbols while that saves bits, and until there are no more than `most` groups. `counts` holds
/// one after the other and is changed; returns the group of each, numbered from 0 in order of appearance, and how many.
pub(crate) fn group(counts: &mut [u32], alphabet: usize, most: usize, groups: &mut [u8]) -> usize {
    let number = groups.len();
    debug_assert!(number <= 64 && counts.len() == number * alphabet);
    let mut costs = [0_i64; 64];
    let mut alive = [false; 64];
    let mut parent = [0_u8; 64];
    for i in 0..number {
        let histogram = &counts[i * alphabet..][..alphabet];
        alive[i] = histogram.iter().any(|&count| count > 0);
        costs[i] = cost::histogram_cost(histogram);
        parent[i] = i as u8;
    }
    // The best partner of each group among the later ones, and the extra cost of the union over both.
    let mut partner = [(0_u8, i64::MAX); 64];
    let find = |i: usize, alive: &[bool; 64], costs: &[i64; 64], counts: &[u32]| {
        let mut best = (0_u8, i64::MAX);
        for j in i + 1..number {
            if alive[j] {
                let more = union_cost(&counts[i * alphabet..][..alphabet], &counts[j * alphabet..][..alphabet])
                    - costs[i]
                    - costs[j];
                if more < best.1 {
                    best = (j as u8, more);
                }
            }
        }
        best
    };
    for i in 0..number {
        if alive[i] {
            partner[i] = find(i, &alive, &costs, counts);
        }
    }
    let mut living = alive.iter().filter(|&&alive| alive).count();
    // Each round ends one.
    while living > 1 {
        let Some((i, (j, more))) =
            (0..number).filter(|&i| alive[i]).map(|i| (i, partner[i])).min_by_key(|&(_, (_, more))| more)
        else {
            break;
        };
        if more >= 0 && living <= most {
            break;
        }
        let j = usize::from(j);
        let (before, after) = counts.split_at_mut(j * alphabet);
        for (count, more) in before[i * alphabet..].iter_mut().zip(&after[..alphabet]) {
            *count += more;
        }
        costs[i] += costs[j] + more;
        alive[j] = false;
        parent[j] = i as u8;
        living -= 1;
        for k in 0..j {
            if !alive[k] {
                continue;
            }
            let with = usize::from(partner[k].0);
            if k == i || with == i || with == j {
                partner[k] = find(k, &alive, &costs, counts);
            } else if k < i {
                let more = union_cost(&counts[k * alphabet..][..alphabet], &counts[i * alphabet..][..alphabet])
                    - costs[k]
                    - costs[i];
                if more < partner[k].1 {
                    partner[k] = (i as u8, more);
                }
            }
        }
    }
    let mut names = [u8::MAX; 64];
    let mut next = 0;
    for i in 0..number {
        let mut root = i;
        // Ends at a group that lives, or at an empty one: parents are before their children.
        while usize::from(parent[root]) != root {
            root = usize::from(parent[root]);
        }
        groups[i] = if !alive[root] {
            0
        } else {
            if names[root] == u8::MAX {
                names[root] = next;
                next += 1;
            }
            names[root]
        };
    }
    usize::from(next.max(1))
}

/// [`cost::histogram_cost`] of both together.
pub(crate) fn union_cost(a: &[u32], b: &[u32]) -> i64 {
    let (mut total, mut sum, mut used) = (0_u32, 0, 0);
    for (&a, &b) in a.iter().zip(b) {
        let count = a + b;
        if count > 0 {
            total += count;
            sum += cost::xlog(count);
            used += 1;
        }
    }
    cost::symbols_cost(total, sum, used) + cost::code_cost(used)
}
