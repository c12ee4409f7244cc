// The shell around Microsoft's debugger engine: what cdb.exe is on Windows.
//
// Real: the engine (dbgeng.dll beside this program) opens the dump, runs every command, and writes
// every line of output, the version banner, the prompts and the log file among them.
// Faked: this program. It parses cdb's switches, prints cdb's own few lines ("cdb: Reading initial
// command", "Debuggee initialization failed"), reads command files and standard input, and ends where
// standard input does. There is one dump and no other kind of target, and there is no ntsd.ini.
//
// Switches of cdb: -z -y -i -c -cf -logo -loga -logou -logau -lines -sins -snul -s -v -noshell
// -failinc -netsyms:no -version; -nosqm, -kqm, -netsyms:yes and -sup change nothing here.
// Paths may be Windows paths or absolute Linux ones.
// Switches of its own: -lab-commands FILE runs the file's lines and puts a marker line around the
// output of each; -lab-token TEXT is what those markers hold; -lab-dml asks the engine for DML.

#include <windows.h>
#include <initguid.h>
#include <dbgeng.h>

#include <cstdio>
#include <cwchar>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

constexpr ULONG kDeferredLoads = 0x4;
constexpr ULONG kLoadLines = 0x10;
constexpr ULONG kNoUnqualifiedLoads = 0x100;
constexpr int kUsageError = 2;

struct Options {
    std::wstring dump;
    std::string symbol_path, image_path;
    std::string command, command_file;
    std::string log, lab_commands, token;
    bool append_log = false, unicode_log = false;
    bool dml = false, lines = false, ignore_environment = false, eager = false, verbose = false;
    bool no_unqualified_loads = false, version_only = false;
    ULONG engine_options = 0;
};

std::string narrow(const std::wstring &text, UINT code_page = CP_ACP) {
    int size = WideCharToMultiByte(code_page, 0, text.data(), int(text.size()), nullptr, 0, nullptr, nullptr);
    std::string result(size_t(size), '\0');
    WideCharToMultiByte(code_page, 0, text.data(), int(text.size()), &result[0], size, nullptr, nullptr);
    return result;
}

std::wstring widen(const std::string &text, UINT code_page = CP_ACP) {
    int size = MultiByteToWideChar(code_page, 0, text.data(), int(text.size()), nullptr, 0);
    std::wstring result(size_t(size), L'\0');
    MultiByteToWideChar(code_page, 0, text.data(), int(text.size()), &result[0], size);
    return result;
}

// Unbuffered: what was written before a time limit kills the process must not be lost.
void write_bytes(const std::string &text) {
    DWORD written = 0;
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text.data(), DWORD(text.size()), &written, nullptr);
}

void write_utf8(const std::wstring &text) { write_bytes(narrow(text, CP_UTF8)); }

// "/a/b" becomes "Z:\a\b"; in a symbol path each element that starts with "/" does. Wine shows the
// whole Linux file system as drive Z:.
std::wstring windows_path(const std::wstring &path) {
    std::wstring result;
    bool at_start = true, is_linux = false;
    for (wchar_t character : path) {
        if (at_start) {
            is_linux = character == L'/';
            if (is_linux) result += L"Z:";
        }
        result += is_linux && character == L'/' ? L'\\' : character;
        at_start = character == L';' || character == L'*';
    }
    return result;
}


// Both classes of callbacks refuse every interface but their own: the engine asks for newer ones
// and calls methods that are not there when told yes.
class TextOutput : public IDebugOutputCallbacks {
public:
    ULONG STDMETHODCALLTYPE AddRef() override { return 2; }
    ULONG STDMETHODCALLTYPE Release() override { return 1; }
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID id, PVOID *object) override {
        *object = nullptr;
        if (!IsEqualIID(id, IID_IUnknown) && !IsEqualIID(id, IID_IDebugOutputCallbacks))
            return E_NOINTERFACE;
        *object = this;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE Output(ULONG, PCSTR text) override {
        write_utf8(widen(text));
        return S_OK;
    }
};

// IDebugOutputCallbacks2, which mingw's dbgeng.h lacks.
constexpr GUID kOutputCallbacks2 = {
    0x67721fe9, 0x56d2, 0x4a44, {0xa3, 0x25, 0x2b, 0x65, 0x51, 0x3c, 0xe6, 0xeb}};
constexpr ULONG kInterestedInTextAndDml = 0x6;
constexpr ULONG kOutputIsText = 0;
constexpr ULONG kOutputIsFlush = 2;

std::wstring escape(const std::wstring &text) {
    std::wstring result;
    for (wchar_t character : text) {
        if (character == L'&') result += L"&amp;";
        else if (character == L'<') result += L"&lt;";
        else if (character == L'>') result += L"&gt;";
        else result += character;
    }
    return result;
}

class DmlOutput : public TextOutput {
public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID id, PVOID *object) override {
        if (!IsEqualIID(id, kOutputCallbacks2)) return TextOutput::QueryInterface(id, object);
        *object = this;
        return S_OK;
    }
    virtual HRESULT STDMETHODCALLTYPE GetInterestMask(PULONG mask) {
        *mask = kInterestedInTextAndDml;
        return S_OK;
    }
    virtual HRESULT STDMETHODCALLTYPE Output2(ULONG which, ULONG, ULONG64, PCWSTR text) {
        if (which == kOutputIsFlush || !text) return S_OK;
        // Escaped, so that all of the output is DML and a tag in it is one that WinDbg would obey.
        write_utf8(which == kOutputIsText ? escape(text) : text);
        return S_OK;
    }
};

[[noreturn]] void leave(int code) {
    FlushFileBuffers(GetStdHandle(STD_OUTPUT_HANDLE));
    // Not exit(): extension DLLs such as pykd throw while they are unloaded.
    TerminateProcess(GetCurrentProcess(), UINT(code));
    Sleep(INFINITE);
    __builtin_unreachable();
}

[[noreturn]] void usage(const std::wstring &complaint) {
    write_utf8(L"cdb: " + complaint + L"\nusage: cdb -z <dump> [-y <symbols>] [-i <images>] [-c \"<command>\"]"
               L" [-cf <file>] [-logo <file>] [-lines] [-sins] [-noshell]\n");
    leave(kUsageError);
}

Options parse(const std::vector<std::wstring> &arguments) {
    Options options;
    size_t index = 0;
    auto value = [&]() -> std::wstring {
        if (index + 1 >= arguments.size()) usage(L"option " + arguments[index] + L" needs a value");
        return arguments[++index];
    };
    auto path = [&]() { return windows_path(value()); };
    auto open_log = [&](bool append, bool unicode) {
        options.log = narrow(path());
        options.append_log = append;
        options.unicode_log = unicode;
    };
    for (; index < arguments.size(); ++index) {
        std::wstring name = arguments[index];
        if (name.empty() || (name[0] != L'-' && name[0] != L'/')) usage(L"unexpected argument '" + name + L"'");
        name.erase(0, 1);
        if (name == L"z") options.dump = path();
        else if (name == L"y") options.symbol_path = narrow(path());
        else if (name == L"i") options.image_path = narrow(path());
        else if (name == L"c") options.command = narrow(value());
        else if (name == L"cf") options.command_file = narrow(path());
        else if (name == L"logo") open_log(false, false);
        else if (name == L"loga") open_log(true, false);
        else if (name == L"logou") open_log(false, true);
        else if (name == L"logau") open_log(true, true);
        else if (name == L"lines") options.lines = true;
        else if (name == L"sins") options.ignore_environment = true;
        else if (name == L"snul") options.no_unqualified_loads = true;
        else if (name == L"s") options.eager = true;
        else if (name == L"v") options.verbose = true;
        else if (name == L"noshell") options.engine_options |= DEBUG_ENGOPT_DISALLOW_SHELL_COMMANDS;
        else if (name == L"failinc") options.engine_options |= DEBUG_ENGOPT_FAIL_INCOMPLETE_INFORMATION;
        else if (name == L"netsyms:no") options.engine_options |= DEBUG_ENGOPT_DISALLOW_NETWORK_PATHS;
        else if (name == L"version") options.version_only = true;
        else if (name == L"nosqm" || name == L"kqm" || name == L"netsyms:yes" || name == L"sup") continue;
        else if (name == L"lab-commands") options.lab_commands = narrow(path());
        else if (name == L"lab-token") options.token = narrow(value());
        else if (name == L"lab-dml") options.dml = true;
        else usage(L"Invalid switch '" + name + L"'");
    }
    return options;
}

std::vector<std::string> read_lines(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        lines.push_back(narrow(widen(line, CP_UTF8)));
    }
    return lines;
}

class Session {
public:
    explicit Session(const Options &options) : options_(options) {
        if (options.ignore_environment) {
            SetEnvironmentVariableA("_NT_SYMBOL_PATH", nullptr);
            SetEnvironmentVariableA("_NT_ALT_SYMBOL_PATH", nullptr);
        }
        using Create = HRESULT(WINAPI *)(REFIID, PVOID *);
        HMODULE engine = LoadLibraryA("dbgeng.dll");
        auto create = reinterpret_cast<Create>(reinterpret_cast<void *>(GetProcAddress(engine, "DebugCreate")));
        if (!create || FAILED(create(IID_IDebugClient4, reinterpret_cast<PVOID *>(&client_)))) {
            write_bytes("cdb: dbgeng.dll cannot be started\n");
            leave(1);
        }
        client_->QueryInterface(IID_IDebugControl, reinterpret_cast<PVOID *>(&control_));
        client_->QueryInterface(IID_IDebugSymbols, reinterpret_cast<PVOID *>(&symbols_));
        configure();
    }

    // The session's exit code.
    int run() {
        client_->ConnectSession(3, 100);
        if (options_.version_only) {
            control_->OutputVersionInformation(DEBUG_OUTCTL_THIS_CLIENT);
            client_->FlushCallbacks();
            return 0;
        }
        if (!options_.dump.empty()) {
            HRESULT result = open_dump();
            if (FAILED(result)) return int(result);
        }
        if (!options_.lab_commands.empty()) {
            run_between_markers();
            return 0;
        }
        if (options_.dump.empty()) usage(L"no dump file: -z is missing");
        run_as_cdb();
        return 0;
    }

private:
    void configure() {
        if (options_.engine_options) control_->AddEngineOptions(options_.engine_options);
        if (options_.lines) symbols_->AddSymbolOptions(kLoadLines);
        if (options_.no_unqualified_loads) symbols_->AddSymbolOptions(kNoUnqualifiedLoads);
        if (options_.eager) symbols_->RemoveSymbolOptions(kDeferredLoads);
        if (options_.verbose) {
            ULONG mask = 0;
            client_->GetOutputMask(&mask);
            client_->SetOutputMask(mask | DEBUG_OUTPUT_VERBOSE);
        }
        if (!options_.symbol_path.empty()) symbols_->SetSymbolPath(options_.symbol_path.c_str());
        if (!options_.image_path.empty()) symbols_->SetImagePath(options_.image_path.c_str());
        // Not earlier: each path set above makes the engine write a summary, which cdb does not show.
        client_->SetOutputCallbacks(options_.dml ? &dml_output_ : &text_output_);
        if (!options_.log.empty()) {
            open_log();
        }
    }

    void open_log() {
        // Only the command can open a log in UTF-16: mingw's dbgeng.h has no OpenLogFile2.
        if (options_.unicode_log) {
            std::string command = options_.append_log ? ".logappend /u " : ".logopen /u ";
            control_->Execute(DEBUG_OUTCTL_THIS_CLIENT, (command + options_.log).c_str(), DEBUG_EXECUTE_NOT_LOGGED);
            return;
        }
        control_->OpenLogFile(options_.log.c_str(), options_.append_log);
    }

    HRESULT open_dump() {
        HRESULT result = client_->OpenDumpFileWide(options_.dump.c_str(), 0);
        if (SUCCEEDED(result)) result = control_->WaitForEvent(DEBUG_WAIT_DEFAULT, INFINITE);
        if (FAILED(result)) {
            client_->FlushCallbacks();
            char text[80];
            snprintf(text, sizeof text, "Debuggee initialization failed, HRESULT 0x%08lX\n", ULONG(result));
            write_bytes(text);
        }
        return result;
    }

    void execute(const std::string &command, ULONG flags = DEBUG_EXECUTE_DEFAULT) {
        control_->Execute(DEBUG_OUTCTL_ALL_CLIENTS, command.c_str(), flags | DEBUG_EXECUTE_NO_REPEAT);
        client_->FlushCallbacks();
    }

    bool ended() {
        ULONG status = DEBUG_STATUS_NO_DEBUGGEE;
        control_->GetExecutionStatus(&status);
        return status == DEBUG_STATUS_NO_DEBUGGEE;
    }

    void run_between_markers() {
        size_t number = 0;
        for (const std::string &command : read_lines(options_.lab_commands)) {
            std::string mark = options_.token + " " + std::to_string(number++);
            write_bytes("\n<" + mark + ">\n");
            execute(command);
            write_bytes("\n</" + mark + ">\n");
            // Without a target from the start, nothing can end but the list.
            if (!options_.dump.empty() && ended()) return;
        }
    }

    void prompt() {
        client_->FlushCallbacks();
        control_->OutputPrompt(DEBUG_OUTCTL_ALL_CLIENTS, " ");
        client_->FlushCallbacks();
    }

    // Line by line, and not by the engine's ExecuteCommandFile, which goes on after "q".
    void run_command_file() {
        if (!std::ifstream(options_.command_file)) write_bytes("cdb: command file cannot be opened\n");
        for (const std::string &command : read_lines(options_.command_file)) {
            if (ended()) return;
            prompt();
            control_->Output(DEBUG_OUTPUT_NORMAL, "%s\n", command.c_str());
            execute(command, DEBUG_EXECUTE_NOT_LOGGED);
        }
    }

    void run_as_cdb() {
        if (!options_.command_file.empty()) run_command_file();
        if (!ended() && !options_.command.empty()) {
            prompt();
            control_->Output(DEBUG_OUTPUT_NORMAL, "cdb: Reading initial command '%s'\n", options_.command.c_str());
            execute(options_.command, DEBUG_EXECUTE_NOT_LOGGED);
        }
        while (!ended()) {
            prompt();
            char line[4096];
            if (!fgets(line, sizeof line, stdin)) return;
            std::string command = line;
            while (!command.empty() && (command.back() == '\n' || command.back() == '\r')) command.pop_back();
            execute(command);
        }
    }

    const Options &options_;
    TextOutput text_output_;
    DmlOutput dml_output_;
    IDebugClient4 *client_ = nullptr;
    IDebugControl *control_ = nullptr;
    IDebugSymbols *symbols_ = nullptr;
};

}  // namespace

int wmain(int count, wchar_t **values) {
    Options options = parse(std::vector<std::wstring>(values + 1, values + count));
    leave(Session(options).run());
}
