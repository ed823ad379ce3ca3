// VS Code writes its logs, and with them every output channel, through the native module @vscode/spdlog, which comes as
// C++ to be compiled. This does the same for the server of the tests and the demo: loggers that append to a file,
// rotate it at a size, and keep a number of old ones. Messages are gathered and written once per turn of the event loop.
'use strict';
const { appendFileSync, mkdirSync, renameSync, rmSync, statSync } = require('node:fs');
const { dirname, extname } = require('node:path');

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];
const loggers = new Set();
process.on('exit', () => loggers.forEach(logger => logger.flush()));

class Logger {
  #file;
  #maxSize;
  #maxFiles;
  #size;
  #level = 2;
  #raw = false;
  #pending = '';
  #scheduled = false;

  constructor(_type, _name, file, maxSize, maxFiles) {
    this.#file = file;
    this.#maxSize = maxSize;
    this.#maxFiles = maxFiles;
    this.#size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    appendFileSync(file, '');
    loggers.add(this);
  }

  trace(message) {
    this.#log(0, message);
  }
  debug(message) {
    this.#log(1, message);
  }
  info(message) {
    this.#log(2, message);
  }
  warn(message) {
    this.#log(3, message);
  }
  error(message) {
    this.#log(4, message);
  }
  critical(message) {
    this.#log(5, message);
  }

  getLevel() {
    return this.#level;
  }
  setLevel(level) {
    this.#level = level;
  }

  /** VS Code knows one pattern: time, level, message. */
  setPattern() {
    this.#raw = false;
  }
  /** Nothing is added to a message, not even the end of its line. */
  clearFormatters() {
    this.#raw = true;
  }

  flush() {
    if (this.#pending === '') return;
    const bytes = Buffer.from(this.#pending);
    this.#pending = '';
    if (this.#size > 0 && this.#size + bytes.length > this.#maxSize) this.#rotate();
    appendFileSync(this.#file, bytes);
    this.#size += bytes.length;
  }

  drop() {
    this.flush();
    loggers.delete(this);
  }

  #log(level, message) {
    if (level < this.#level) return;
    this.#pending += this.#raw ? message : `${timestamp()} [${LEVELS[level]}] ${message}\n`;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** log.txt becomes log.1.txt, log.1.txt becomes log.2.txt, … */
  #rotate() {
    for (let n = this.#maxFiles - 1; n > 0; n--) {
      if (statSync(this.#numbered(n - 1), { throwIfNoEntry: false }))
        renameSync(this.#numbered(n - 1), this.#numbered(n));
    }
    rmSync(this.#file, { force: true });
    this.#size = 0;
  }

  #numbered(n) {
    if (n === 0) return this.#file;
    const extension = extname(this.#file);
    return `${this.#file.slice(0, this.#file.length - extension.length)}.${n}${extension}`;
  }
}

function timestamp() {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, -1).replace('T', ' ');
}

async function createLogger(type, name, file, maxSize, maxFiles) {
  mkdirSync(dirname(file), { recursive: true });
  return new Logger(type, name, file, maxSize, maxFiles);
}

exports.version = 11100;
exports.Logger = Logger;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.createRotatingLogger = (...args) => createLogger('rotating', ...args);
exports.createAsyncRotatingLogger = (...args) => createLogger('rotating_async', ...args);
