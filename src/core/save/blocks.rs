//! A growing list in blocks of one size. Items never move, and at most one block is in reserve.

/// A list with `SIZE` items in a block.
#[derive(Debug)]
pub(super) struct Blocks<T, const SIZE: usize> {
    blocks: Vec<Box<[T]>>,
    len: usize,
}

impl<T: Copy + Default, const SIZE: usize> Blocks<T, SIZE> {
    pub(super) fn new() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The allocated bytes.
    pub(super) fn allocated(&self) -> usize {
        self.blocks.len() * SIZE * size_of::<T>()
    }

    /// The bytes that `more` items would allocate on top.
    pub(super) fn wanted(&self, more: usize) -> usize {
        (self.len + more).div_ceil(SIZE).saturating_sub(self.blocks.len()) * SIZE * size_of::<T>()
    }

    pub(super) fn extend(&mut self, mut items: &[T]) {
        while !items.is_empty() {
            if self.len == self.blocks.len() * SIZE {
                self.blocks.push(vec![T::default(); SIZE].into_boxed_slice());
            }
            let at = self.len % SIZE;
            let count = items.len().min(SIZE - at);
            self.blocks[self.len / SIZE][at..at + count].copy_from_slice(&items[..count]);
            self.len += count;
            items = &items[count..];
        }
    }

    /// Drops the items after `len`. Keeps one block in reserve and frees the others.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = len;
        self.blocks.truncate(len.div_ceil(SIZE) + 1);
    }

    /// The items from `start` to the end of their block, or to `end` if that comes first.
    pub(super) fn run(&self, start: usize, end: usize) -> &[T] {
        let at = start % SIZE;
        &self.blocks[start / SIZE][at..SIZE.min(at + end - start)]
    }

    pub(super) fn get(&self, index: usize) -> T {
        self.blocks[index / SIZE][index % SIZE]
    }

    pub(super) fn get_mut(&mut self, index: usize) -> &mut T {
        &mut self.blocks[index / SIZE][index % SIZE]
    }
}
