//! Several frames in one input: before each frame stands its length, two bytes, big-endian. The last frame may be shorter
//! than its length says.

/// The frames of an input.
pub(crate) fn split(mut input: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = input.split_first_chunk() {
        let end = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (frame, later) = rest.split_at(end);
        frames.push(frame);
        input = later;
    }
    frames
}

/// The input that [`split`] reads as `frames`.
pub(crate) fn join(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut input = Vec::new();
    for frame in frames {
        let length = u16::try_from(frame.len()).expect("a frame of a seed is below 64 KiB");
        input.extend_from_slice(&length.to_be_bytes());
        input.extend_from_slice(frame);
    }
    input
}
