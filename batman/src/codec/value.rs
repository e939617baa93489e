use std::net::Ipv4Addr;

use netlink_packet_core::{
    DecodeError, emit_u16, emit_u32, emit_u64, parse_string, parse_u8, parse_u16, parse_u32,
    parse_u64,
};

use crate::names::MacAddr;

/// What an attribute may carry. `emit` is given exactly `len` bytes.
pub(super) trait Value: Sized {
    fn len(&self) -> usize;
    fn emit(&self, buffer: &mut [u8]);
    fn parse(payload: &[u8]) -> Result<Self, DecodeError>;
}

impl Value for String {
    fn len(&self) -> usize {
        self.as_str().len() + 1
    }

    fn emit(&self, buffer: &mut [u8]) {
        if let Some((nul, text)) = buffer.split_last_mut() {
            text.copy_from_slice(self.as_bytes());
            *nul = 0;
        }
    }

    fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
        parse_string(payload)
    }
}

impl Value for bool {
    fn len(&self) -> usize {
        1
    }

    fn emit(&self, buffer: &mut [u8]) {
        buffer.fill(u8::from(*self));
    }

    fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
        parse_u8(payload).map(|byte| byte != 0)
    }
}

impl Value for u8 {
    fn len(&self) -> usize {
        1
    }

    fn emit(&self, buffer: &mut [u8]) {
        buffer.fill(*self);
    }

    fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
        parse_u8(payload)
    }
}

macro_rules! native_integer {
    ($($integer:ty: $emit:ident, $parse:ident;)+) => {$(
        impl Value for $integer {
            fn len(&self) -> usize {
                size_of::<Self>()
            }

            fn emit(&self, buffer: &mut [u8]) {
                $emit(buffer, *self).expect("the buffer is as long as `len` says");
            }

            fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
                $parse(payload)
            }
        }
    )+};
}

native_integer! {
    u16: emit_u16, parse_u16;
    u32: emit_u32, parse_u32;
    u64: emit_u64, parse_u64;
}

impl Value for MacAddr {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0);
    }

    fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
        let octets = payload.try_into();
        octets.map(Self).map_err(|_| DecodeError::invalid_mac_address(payload.len()))
    }
}

impl Value for Ipv4Addr {
    fn len(&self) -> usize {
        4
    }

    fn emit(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.octets());
    }

    fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
        let octets: [u8; 4] =
            payload.try_into().map_err(|_| DecodeError::invalid_ip_address(payload.len()))?;
        Ok(octets.into())
    }
}

/// A VLAN number: 16 bits in requests, 32 bits in the kernel's replies (net/batman-adv/netlink.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VlanNumber(pub u16);

impl Value for VlanNumber {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.0.emit(buffer);
    }

    fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
        if payload.len() == size_of::<u16>() {
            return parse_u16(payload).map(Self);
        }
        let wide = parse_u32(payload)?;
        let number = u16::try_from(wide);
        number.map(Self).map_err(|_| format!("VLAN number {wide} has more than 16 bits").into())
    }
}
