// livedump in WinDbg: its commands, and its tools for the assistant that is connected. All judgement is in Python; this
// runs the debugger's script that defines the commands, and the commands.

"use strict";

const FOLDER = "@FOLDER@";
const COMMANDS = @COMMANDS@;
// By method of Debugger.Utility.LiveDump: the command, and for each argument in its order the option that it becomes.
const TOOLS = @TOOLS@;

// What would end a word or a command of the debugger, or mean something to its shell.
const UNSAFE = /["';{}$`%&|<>^*\u0000-\u001f]/;

// What the debugger says of its shell, about no answer.
const SHELL = /^(<\.shell waiting .*|\.shell: Process exited)$/;

let defined = false;
let asking = false;

function execute(command) {
    const lines = [];
    for (const line of host.namespace.Debugger.Utility.Control.ExecuteCommand(command)) {
        lines.push(String(line));
    }
    return lines;
}

function print(lines) {
    for (const line of lines) {
        host.diagnostics.debugLog(line + "\n");
    }
}

// From then on the debugger itself knows the commands, and hands them whole what is typed behind them.
function define() {
    if (!defined) {
        print(execute("$$><" + FOLDER + "\\livedump.wds"));
        defined = true;
    }
}

function word(value) {
    const text = typeof value === "number" ? "0x" + value.toString(16) : String(value);
    if (UNSAFE.test(text)) {
        throw new Error("livedump: this is no word for a command of the debugger: " + text);
    }
    return /[\s(),]/.test(text) || text === "" ? '"' + text + '"' : text;
}

function ask(name, words) {
    if (asking) {
        throw new Error("livedump: " + FOLDER + "\\livedump.wds did not define the commands");
    }
    define();
    asking = true;
    try {
        return execute(["!livedump" + name, ...words.map(word)].join(" "));
    } finally {
        asking = false;
    }
}

// Only until the commands are defined: the debugger reads these arguments as expressions, so that options go in quotes.
function command(name) {
    return (...values) => print(ask(name, values));
}

function tool(name, options) {
    return (...values) => {
        const words = [];
        options.forEach((option, index) => {
            const value = values[index];
            if (value === undefined || value === null || value === "") {
                return;
            }
            if (String(value).startsWith("-")) {
                throw new Error("livedump: a value does not begin with -: " + value);
            }
            words.push(...(option ? [option, value] : [value]));
        });
        return ask(name, ["--assistant", ...words]).filter(line => !SHELL.test(line)).join("\n");
    };
}

class LiveDump {
}
for (const [method, [name, options]] of Object.entries(TOOLS)) {
    LiveDump.prototype[method] = tool(name, options);
}

function initializeScript() {
    try {
        define();
    } catch (error) {
        // No session yet: the first command defines them.
    }
    return [
        new host.apiVersionSupport(1, 7),
        new host.namespacePropertyParent(
            LiveDump, "Debugger.Models.Utility", "Debugger.Models.Utility.LiveDump", "LiveDump"),
        ...COMMANDS.map(name => new host.functionAlias(command(name), "livedump" + name)),
    ];
}
