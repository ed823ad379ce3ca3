// The native module ends an extension host whose event loop is stuck when its server is gone. The host looks for its
// server itself, too, and whoever starts the server for tests and the demo ends its whole process group.
'use strict';
exports.start = () => {};
exports.exit = code => process.exit(code);
