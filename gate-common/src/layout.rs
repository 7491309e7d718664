//! Structures without padding that both sides read: declared once, converted to bytes without `unsafe`.

/// A field of an ABI structure. Numbers are in the host's byte order unless the field says otherwise.
pub trait Field: Copy + Default {
    /// Size in bytes.
    const SIZE: usize;
    /// Writes the value to the first [`Self::SIZE`] bytes.
    fn write(self, to: &mut [u8]);
    /// Reads the value from the first [`Self::SIZE`] bytes.
    fn read(from: &[u8]) -> Self;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Field for $type {
            const SIZE: usize = size_of::<$type>();
            fn write(self, to: &mut [u8]) {
                for (to, byte) in to.iter_mut().zip(self.to_ne_bytes()) {
                    *to = byte;
                }
            }
            fn read(from: &[u8]) -> Self {
                let mut bytes = [0; size_of::<$type>()];
                for (byte, from) in bytes.iter_mut().zip(from) {
                    *byte = *from;
                }
                Self::from_ne_bytes(bytes)
            }
        }
    )*};
}
number!(u8, u16, u32, u64);

/// Declares a `#[repr(C)]` structure of [`Field`]s, 8-aligned in size, without padding, with conversions to and
/// from its bytes. The size is part of the declaration and is checked at compile time.
#[macro_export]
macro_rules! abi {
    ($(#[$meta:meta])* pub struct $name:ident: $size:literal {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        const _: () = {
            assert!(size_of::<$name>() == $size, "the declared size is not the real one");
            assert!(0 $(+ size_of::<$type>())* == $size, "there is padding");
        };

        impl $name {
            /// Size in bytes.
            pub const SIZE: usize = $size;

            /// The bytes as the kernel has them.
            #[must_use]
            pub fn to_bytes(self) -> [u8; $size] {
                let mut bytes = [0; $size];
                $crate::layout::Field::write(self, &mut bytes);
                bytes
            }

            /// Reads the bytes as the kernel has them.
            #[must_use]
            pub fn from_bytes(bytes: &[u8; $size]) -> Self {
                <Self as $crate::layout::Field>::read(bytes)
            }
        }

        impl $crate::layout::Field for $name {
            const SIZE: usize = $size;
            fn write(self, to: &mut [u8]) {
                let rest = to;
                $(
                    let (field, rest) = rest.split_at_mut(<$type as $crate::layout::Field>::SIZE);
                    $crate::layout::Field::write(self.$field, field);
                )*
                let _ = rest;
            }
            fn read(from: &[u8]) -> Self {
                let rest = from;
                $(
                    let ($field, rest) = rest.split_at(<$type as $crate::layout::Field>::SIZE);
                    let $field = <$type as $crate::layout::Field>::read($field);
                )*
                let _ = rest;
                Self { $($field),* }
            }
        }
    };
}
