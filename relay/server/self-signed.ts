/**
 * A certificate for a relay that nobody vouches for: it signs itself, and hosts are told its fingerprint. Node makes keys
 * and signatures; what goes around them (RFC 5280, in DER) is written here.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { isIP, SocketAddress } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { CertificateFiles } from './certificate.ts';

const DAY = 24 * 60 * 60 * 1000;

/**
 * The relay's own certificate in its data folder, made when there is none. It stays the same whatever it is asked for later:
 * hosts know it by its fingerprint.
 * @param names host names and IP addresses by which the relay is reached
 */
export function selfSignedCertificate(dir: string, names: readonly string[]): CertificateFiles {
  const path = join(dir, 'self-signed.pem');
  if (!existsSync(path)) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const own = `${path}.${process.pid}`;
    writeFileSync(own, makeSelfSigned([...new Set([...names, hostname()])]), { mode: 0o600 });
    try {
      linkSync(own, path); // certificate and key in one file: another relay that begins now has the same pair
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(own);
    }
  }
  return { cert: path, key: path };
}

/** Certificate and key as PEM. It never expires: who pins it asks for no date. */
export function makeSelfSigned(names: readonly string[], now = Date.now()): string {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(set(sequence(oid(2, 5, 4, 3), utf8('nixfleet-relay'))));
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    name,
    sequence(utcTime(now - DAY), tagged(0x18, Buffer.from('99991231235959Z'))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      0xa3,
      sequence(
        extension(oid(2, 5, 29, 19), true, sequence(TRUE)), // basic constraints: it is its own authority
        extension(oid(2, 5, 29, 17), false, sequence(...names.map(alternativeName))),
      ),
    ),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ECDSA_WITH_SHA256, tagged(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n${key.toString()}`;
}

/** One element: tag, length, content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? Buffer.of(length) : length < 0x100 ? Buffer.of(0x81, length) : wideLength(length);
  return Buffer.concat([Buffer.of(tag), size, content]);
}

function wideLength(length: number): Buffer {
  return Buffer.of(0x82, length >> 8, length & 0xff);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function set(part: Buffer): Buffer {
  return tagged(0x31, part);
}

/** @param bytes big endian, the first bit clear */
function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text));
}

function utcTime(at: number): Buffer {
  return tagged(0x17, Buffer.from(new Date(at).toISOString().replace(/^..|[-:T]|\.\d+/g, '')));
}

function oid(first: number, second: number, ...rest: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function extension(id: Buffer, critical: boolean, value: Buffer): Buffer {
  return sequence(id, ...(critical ? [TRUE] : []), tagged(0x04, value));
}

/** A name or address in the list of alternative names. */
function alternativeName(name: string): Buffer {
  const family = isIP(name);
  return family === 0 ? tagged(0x82, Buffer.from(name)) : tagged(0x87, addressBytes(name, family));
}

function addressBytes(address: string, family: number): Buffer {
  if (family === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = new SocketAddress({ address, family: 'ipv6' }).address.split('::');
  const groups = (text: string | undefined): string[] => (text ? text.split(':').flatMap(dotted) : []);
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return Buffer.from([...left, ...zeros, ...right].map(group => group.padStart(4, '0')).join(''), 'hex');
}

/** `1.2.3.4` at the end of an IPv6 address, as two groups. */
function dotted(group: string): string[] {
  if (!group.includes('.')) return [group];
  const hex = Buffer.from(group.split('.').map(Number)).toString('hex');
  return [hex.slice(0, 4), hex.slice(4)];
}

const TRUE = tagged(0x01, Buffer.of(0xff));
const ECDSA_WITH_SHA256 = sequence(oid(1, 2, 840, 10045, 4, 3, 2));
