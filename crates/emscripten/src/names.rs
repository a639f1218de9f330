//! Names and addresses of the network, of which there is none.
//!
//! What is an address in figures is understood. Any other name gets an invented address of
//! 172.29.0.0/16, always the same in one program, as in Emscripten's JavaScript: programs that ask
//! first and connect then learn from `connect` that they cannot. Nothing is asked of the host's
//! resolver.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use indexmap::IndexSet;
use palisade::{Caller, Error, Linker, Result};

use crate::ctx::aborted;
use crate::errno::Fault;
use crate::guest::Guest;
use crate::link::{Context, enter};
use crate::stream::lock;

/// The functions, and the patterns of their types.
pub(crate) const PATTERNS: &[(&str, &str)] = &[
    ("getaddrinfo", "iiii:i"),
    ("getnameinfo", "iiiiiii:i"),
    ("gethostbyname", "i:i"),
    ("gethostbyname_r", "iiiiii:i"),
    ("gethostbyaddr", "iii:i"),
    ("_emscripten_lookup_name", "i:i"),
    ("getprotobyname", "i:i"),
    ("getprotobynumber", "i:i"),
    ("getprotoent", ":i"),
    ("setprotoent", "i:v"),
    ("endprotoent", ":v"),
];

const AF_UNSPEC: i32 = 0;
const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;
const SOCK_STREAM: i32 = 1;
const SOCK_DGRAM: i32 = 2;
const IPPROTO_TCP: i32 = 6;
const IPPROTO_UDP: i32 = 17;

/// Errors of `getaddrinfo`.
mod eai {
    pub(super) const BADFLAGS: i32 = -1;
    pub(super) const NONAME: i32 = -2;
    pub(super) const FAMILY: i32 = -6;
    pub(super) const SOCKTYPE: i32 = -7;
    pub(super) const SERVICE: i32 = -8;
    pub(super) const OVERFLOW: i32 = -12;
}

/// Flags of `getaddrinfo`.
mod ai {
    pub(super) const PASSIVE: u32 = 0x01;
    pub(super) const CANONNAME: u32 = 0x02;
    pub(super) const NUMERICHOST: u32 = 0x04;
    pub(super) const V4MAPPED: u32 = 0x08;
    pub(super) const ADDRCONFIG: u32 = 0x20;
    pub(super) const NUMERICSERV: u32 = 0x400;
    /// With `AI_ALL`.
    pub(super) const KNOWN: u32 = 0x1f | ADDRCONFIG | NUMERICSERV;
}

/// Flags of `getnameinfo`.
const NI_NUMERICHOST: u32 = 1;
const NI_NAMEREQD: u32 = 8;

/// Bytes of a name.
const MAX_NAME: usize = 255;

/// Protocols by name and number.
const PROTOCOLS: [(&str, &str, u32); 2] = [("tcp", "TCP", 6), ("udp", "UDP", 17)];

/// The names that have got an address, in the order of these; and how many protocols were listed.
#[derive(Debug, Default)]
pub(crate) struct Names {
    invented: IndexSet<String>,
    listed: usize,
}

impl Names {
    fn address(&mut self, name: &str) -> Result<Ipv4Addr> {
        if let Ok(address) = name.parse() {
            return Ok(address);
        }
        let index = match self.invented.get_index_of(name) {
            Some(index) => index,
            None if self.invented.len() == usize::from(u16::MAX) => {
                return Err(aborted("too many names were looked up"));
            }
            None => self.invented.insert_full(name.to_owned()).0,
        };
        let [low, high] = (index as u16 + 1).to_le_bytes();
        Ok(Ipv4Addr::new(172, 29, low, high))
    }

    fn name(&self, address: IpAddr) -> Option<&str> {
        let IpAddr::V4(address) = address else { return None };
        let [172, 29, low, high] = address.octets() else { return None };
        let number = usize::from(u16::from_le_bytes([low, high]));
        self.invented.get_index(number.checked_sub(1)?).map(String::as_str)
    }
}

/// Defines a function, whose type fits its pattern; says whether it is one of these.
pub(crate) fn define<T: 'static>(
    linker: &mut Linker<T>,
    (module, real): (&str, &str),
    name: &str,
    ctx: impl Context<T>,
) -> Result<bool> {
    macro_rules! define {
        (|$names:ident $(, $arg:ident)*| -> $result:ty { $body:expr }) => {
            linker
                .func_wrap(
                    module,
                    real,
                    move |mut caller: Caller<'_, T> $(, $arg: u32)*| -> Result<$result> {
                        let $names = &mut Asker { caller: &mut caller, ctx };
                        $body
                    },
                )
                .map(|_| ())?
        };
    }
    match name {
        "getaddrinfo" => define! { |names, node, service, hints, result| -> i32 {
            names.addresses(node, service, hints, result)
        }},
        "getnameinfo" => define! {
            |names, address, len, node, node_len, service, service_len, flags| -> i32 {
                names.describe((address, len), (node, node_len), (service, service_len), flags)
            }
        },
        "gethostbyname" => define! { |names, name| -> u32 {{
            let name = names.text(name)?;
            let host = names.malloc(HOST)?;
            names.host(host, &name)?;
            Ok(host)
        }}},
        // The list of addresses has memory of its own, so the buffer is not needed.
        "gethostbyname_r" => define! { |names, name, host, _buffer, _len, result, error| -> u32 {{
            let name = names.text(name)?;
            names.host(host, &name)?;
            let mut guest = names.guest()?;
            guest.put_u32(result, host)?;
            guest.put_u32(error, 0)?;
            Ok(0)
        }}},
        "gethostbyaddr" => define! { |names, address, _len, family| -> u32 {{
            if family.cast_signed() != AF_INET {
                return Ok(0);
            }
            let address = names.guest()?.u32(address)?;
            let address = Ipv4Addr::from(address.to_le_bytes());
            let name = names.known(address.into())?.unwrap_or_else(|| address.to_string());
            let host = names.malloc(HOST)?;
            names.host(host, &name)?;
            Ok(host)
        }}},
        "_emscripten_lookup_name" => define! { |names, name| -> u32 {{
            let name = names.text(name)?;
            Ok(u32::from_le_bytes(names.invent(&name)?.octets()))
        }}},
        "getprotobyname" => define! { |names, name| -> u32 {{
            let name = names.text(name)?;
            names.protocol(PROTOCOLS.iter().position(|(known, ..)| *known == name))
        }}},
        "getprotobynumber" => define! { |names, number| -> u32 {
            names.protocol(PROTOCOLS.iter().position(|(.., known)| *known == number))
        }},
        "getprotoent" => define! { |names| -> u32 {{
            let shared = names.shared();
            let index = lock(&shared).listed;
            lock(&shared).listed = PROTOCOLS.len().min(index + 1);
            names.protocol(Some(index))
        }}},
        "setprotoent" => define! { |names, _stay_open| -> () {{
            lock(&names.shared()).listed = 0;
            Ok(())
        }}},
        "endprotoent" => define! { |_names| -> () { Ok(()) }},
        _ => return Ok(false),
    }
    Ok(true)
}

/// Bytes of `struct hostent`.
const HOST: u32 = 20;
/// Of `struct sockaddr_in` and `struct sockaddr_in6`.
const ADDRESS: u32 = 16;
const ADDRESS6: u32 = 28;

/// The program that asks.
struct Asker<'a, 'b, T: 'static, C> {
    caller: &'a mut Caller<'b, T>,
    ctx: C,
}

impl<T: 'static, C: Context<T>> Asker<'_, '_, T, C> {
    fn guest(&mut self) -> Result<Guest<'_>> {
        Ok(enter(self.caller, self.ctx)?.0)
    }

    fn shared(&mut self) -> std::sync::Arc<std::sync::Mutex<Names>> {
        (self.ctx)(self.caller.data_mut()).shared.names.clone()
    }

    fn known(&mut self, address: IpAddr) -> Result<Option<String>> {
        Ok(lock(&self.shared()).name(address).map(str::to_owned))
    }

    fn invent(&mut self, name: &str) -> Result<Ipv4Addr> {
        lock(&self.shared()).address(name)
    }

    fn text(&mut self, at: u32) -> Result<String> {
        Ok(self.guest()?.text(at, MAX_NAME))
    }

    fn malloc(&mut self, len: u32) -> Result<u32> {
        let Some(malloc) = (self.ctx)(self.caller.data_mut()).linked.malloc else {
            return Err(Error::msg("names of hosts need the module to export `malloc`"));
        };
        match malloc.call(&mut *self.caller, len)? {
            0 => Err(aborted("out of memory for the address of a host")),
            at => Ok(at),
        }
    }

    /// Bytes in memory of the guest's allocator.
    fn place(&mut self, bytes: &[u8]) -> Result<u32> {
        let at = self.malloc(bytes.len() as u32)?;
        self.guest()?.write(at, bytes)?;
        Ok(at)
    }

    fn place_text(&mut self, text: &str) -> Result<u32> {
        self.place(&[text.as_bytes(), b"\0"].concat())
    }

    /// Fills a `struct hostent`.
    fn host(&mut self, at: u32, name: &str) -> Result<()> {
        let address = self.invent(name)?;
        let name = self.place_text(name)?;
        let aliases = self.place(&[0; 4])?;
        // The list and the address that is in it.
        let list = self.malloc(12)?;
        let words = [list.checked_add(8).ok_or(Fault)?, 0, u32::from_le_bytes(address.octets())];
        let fields = [name, aliases, AF_INET.cast_unsigned(), 4, list];
        let mut guest = self.guest()?;
        guest.write(list, &words.map(u32::to_le_bytes).concat())?;
        guest.write(at, &fields.map(u32::to_le_bytes).concat())?;
        Ok(())
    }

    /// A `struct protoent`, or NULL.
    fn protocol(&mut self, index: Option<usize>) -> Result<u32> {
        let Some((name, alias, number)) = index.and_then(|index| PROTOCOLS.get(index)) else {
            return Ok(0);
        };
        let name = self.place_text(name)?;
        let alias = self.place_text(alias)?;
        let aliases = self.place(&[alias, 0].map(u32::to_le_bytes).concat())?;
        self.place(&[name, aliases, *number].map(u32::to_le_bytes).concat())
    }

    /// `getaddrinfo`: one `struct addrinfo`, for the first of the families and types asked for.
    fn addresses(&mut self, node: u32, service: u32, hints: u32, result: u32) -> Result<i32> {
        let guest = self.guest()?;
        let mut wanted = [0; 4];
        if hints != 0 {
            for (word, offset) in wanted.iter_mut().zip([0, 4, 8, 12]) {
                *word = guest.i32(hints.checked_add(offset).ok_or(Fault)?)?;
            }
        }
        let [flags, family, kind, protocol] = wanted;
        let (flags, numeric) =
            (flags.cast_unsigned(), flags.cast_unsigned() & ai::NUMERICSERV != 0);
        let (kind, protocol) = match (kind, protocol) {
            (0, IPPROTO_UDP) => (SOCK_DGRAM, IPPROTO_UDP),
            (SOCK_DGRAM, 0) => (SOCK_DGRAM, IPPROTO_UDP),
            (0, protocol) => (SOCK_STREAM, if protocol == 0 { IPPROTO_TCP } else { protocol }),
            (kind, 0) => (kind, IPPROTO_TCP),
            both => both,
        };
        if node == 0 && service == 0 {
            return Ok(eai::NONAME);
        }
        if flags & !ai::KNOWN != 0 || flags & ai::CANONNAME != 0 && node == 0 {
            return Ok(eai::BADFLAGS);
        }
        // No address of a family is configured.
        if flags & ai::ADDRCONFIG != 0 {
            return Ok(eai::NONAME);
        }
        if !matches!(kind, SOCK_STREAM | SOCK_DGRAM) {
            return Ok(eai::SOCKTYPE);
        }
        if !matches!(family, AF_UNSPEC | AF_INET | AF_INET6) {
            return Ok(eai::FAMILY);
        }
        let mut port = 0;
        if service != 0 {
            let text = guest.text(service, MAX_NAME);
            match leading_number(&text) {
                Some(number) => port = number,
                None => return Ok(if numeric { eai::NONAME } else { eai::SERVICE }),
            }
        }
        let (address, canonical) = match node {
            0 => (own_address(family, flags), None),
            node => {
                let name = self.text(node)?;
                match self.resolve(&name, family, flags)? {
                    Ok((address, in_figures)) => (address, in_figures.then_some(name)),
                    Err(error) => return Ok(error),
                }
            }
        };
        let canonical = match canonical {
            Some(name) if flags & ai::CANONNAME != 0 => self.place_text(&name)?,
            _ => 0,
        };
        let socket_address = socket_address(address, port);
        let len = socket_address.len() as u32;
        let at = self.place(&socket_address)?;
        let family = if address.is_ipv4() { AF_INET } else { AF_INET6 };
        let fields = [0, family, kind, protocol].map(i32::cast_unsigned);
        let info =
            [&fields[..], &[len, at, canonical, 0]].concat().into_iter().flat_map(u32::to_le_bytes);
        let info = self.place(&info.collect::<Vec<u8>>())?;
        self.guest()?.put_u32(result, info)?;
        Ok(0)
    }

    /// The address of a name, and whether it is that in figures.
    fn resolve(
        &mut self,
        name: &str,
        family: i32,
        flags: u32,
    ) -> Result<Result<(IpAddr, bool), i32>> {
        Ok(match name.parse() {
            Ok(IpAddr::V4(address)) => match family {
                AF_INET6 if flags & ai::V4MAPPED != 0 => Ok((mapped(address), true)),
                AF_INET6 => Err(eai::NONAME),
                _ => Ok((address.into(), true)),
            },
            Ok(IpAddr::V6(_)) if family == AF_INET => Err(eai::NONAME),
            Ok(address) => Ok((address, true)),
            Err(_) if flags & ai::NUMERICHOST != 0 => Err(eai::NONAME),
            Err(_) => {
                let address = self.invent(name)?;
                Ok((if family == AF_INET6 { mapped(address) } else { address.into() }, false))
            }
        })
    }

    /// `getnameinfo`
    fn describe(
        &mut self,
        (address, len): (u32, u32),
        node: (u32, u32),
        service: (u32, u32),
        flags: u32,
    ) -> Result<i32> {
        let bytes = match len {
            ADDRESS | ADDRESS6 => self.guest()?.bytes(address, len)?.into_owned(),
            _ => return Ok(eai::FAMILY),
        };
        let family = i32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        let port = u16::from_be_bytes([bytes[2], bytes[3]]);
        let address: IpAddr = match (family, len) {
            (AF_INET, ADDRESS) => <[u8; 4]>::try_from(&bytes[4..8]).expect("4 bytes").into(),
            (AF_INET6, ADDRESS6) => <[u8; 16]>::try_from(&bytes[8..24]).expect("16 bytes").into(),
            _ => return Ok(eai::FAMILY),
        };
        let known = match flags & NI_NUMERICHOST {
            0 => self.known(address)?,
            _ => None,
        };
        if known.is_none() && flags & NI_NAMEREQD != 0 && node.0 != 0 && node.1 != 0 {
            return Ok(eai::NONAME);
        }
        let texts =
            [(node, known.unwrap_or_else(|| address.to_string())), (service, port.to_string())];
        let mut fits = true;
        let mut guest = self.guest()?;
        for ((at, room), text) in texts {
            if at == 0 || room == 0 {
                continue;
            }
            let taken = text.len().min(room as usize - 1);
            fits &= taken == text.len();
            guest.write(at, &[&text.as_bytes()[..taken], b"\0"].concat())?;
        }
        Ok(if fits { 0 } else { eai::OVERFLOW })
    }
}

/// To listen on, or to connect to oneself.
fn own_address(family: i32, flags: u32) -> IpAddr {
    match (family, flags & ai::PASSIVE) {
        (AF_INET6, 0) => Ipv6Addr::LOCALHOST.into(),
        (AF_INET6, _) => Ipv6Addr::UNSPECIFIED.into(),
        (_, 0) => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    }
}

fn mapped(address: Ipv4Addr) -> IpAddr {
    address.to_ipv6_mapped().into()
}

/// What a text begins with, as far as that is a port.
fn leading_number(text: &str) -> Option<u16> {
    let text = text.trim_start();
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u128 = text[..len].parse().ok()?;
    Some(number as u16)
}

/// A `struct sockaddr_in` or `struct sockaddr_in6`.
fn socket_address(address: IpAddr, port: u16) -> Vec<u8> {
    let (family, mut bytes, len) = match address {
        IpAddr::V4(address) => (AF_INET, address.octets().to_vec(), ADDRESS),
        // The flow comes first.
        IpAddr::V6(address) => (AF_INET6, [&[0; 4], &address.octets()[..]].concat(), ADDRESS6),
    };
    bytes.splice(0..0, [(family as u16).to_le_bytes(), port.to_be_bytes()].concat());
    bytes.resize(len as usize, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Names, leading_number, socket_address};
    use std::net::IpAddr;

    #[test]
    fn a_name_keeps_its_address() {
        let mut names = Names::default();
        let first = names.address("one.example").expect("room");
        assert_eq!(first.to_string(), "172.29.1.0");
        assert_eq!(names.address("two.example").expect("room").to_string(), "172.29.2.0");
        assert_eq!(names.address("one.example").expect("room"), first);
        assert_eq!(names.name(first.into()), Some("one.example"));
        assert_eq!(names.address("10.1.2.3").expect("room").to_string(), "10.1.2.3");
        for unknown in ["172.29.3.0", "172.29.0.0", "1.2.3.4", "::1"] {
            assert_eq!(names.name(unknown.parse().expect("an address")), None);
        }
        for i in 0..65_533 {
            names.address(&format!("{i}.example")).expect("room");
        }
        assert!(names.address("last.example").is_err());
    }

    #[test]
    fn ports_and_addresses() {
        assert_eq!(leading_number(" 80x"), Some(80));
        assert_eq!(leading_number("http"), None);
        let local: IpAddr = "127.0.0.1".parse().expect("an address");
        assert_eq!(socket_address(local, 80), [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let local: IpAddr = "::1".parse().expect("an address");
        assert_eq!(socket_address(local, 80).len(), 28);
    }
}
