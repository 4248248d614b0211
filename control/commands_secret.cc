// control/commands_secret.cc: `encrypt` and `decrypt`: passwords as DM writes them in its files.
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "conf/secret.h"
#include "control/commands.h"
#include "control/no_echo.h"

namespace tiderelay::control {
namespace {

constexpr const char* kKeyVariable = "TIDERELAY_SECRET_KEY_PATH";
constexpr const char* kKeyHelp = "file with the key, 64 hex digits (openssl rand -hex 32)";

struct SecretArguments {
  std::string text;
  std::string key_path;
};

void add_key_option(CLI::App& command, SecretArguments& arguments) {
  command.add_option("--secret-key-path", arguments.key_path, kKeyHelp)->envname(kKeyVariable);
}

// The argument, or one line from the input: a terminal is asked without echo.
Result<std::string> text_of(const std::string& argument, Streams streams) {
  if (!argument.empty()) return argument;
  const bool terminal = &streams.in == &std::cin && isatty(STDIN_FILENO) != 0;
  if (terminal) streams.err << "Password: " << std::flush;
  std::string line;
  {
    const NoEcho quiet(terminal);
    std::getline(streams.in, line);
  }
  if (terminal) streams.err << '\n';
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) return Error(Errc::kConfig, "no text was given");
  return line;
}

int run_encrypt(const SecretArguments& arguments, Streams streams) {
  if (arguments.key_path.empty()) {
    return failed(
        streams.err,
        Error(Errc::kConfig,
              "encrypt needs a key file of your own: --secret-key-path FILE (the key "
              "inside every DM up to 7.6 protects nothing, so it is never used)")
            .with_way_out("openssl rand -hex 32 > secret.key, and name it in tiderelay.yaml as "
                          "secret-key-path; or leave the password out of the file with "
                          "password-file or password-env"));
  }
  const Result<conf::SecretKey> key = conf::read_secret_key(arguments.key_path);
  if (!key) return failed(streams.err, key.error());
  const Result<std::string> text = text_of(arguments.text, streams);
  if (!text) return failed(streams.err, text.error());
  const Result<std::string> cipher_text = conf::encrypt(*text, *key);
  if (!cipher_text) return failed(streams.err, cipher_text.error());
  streams.out << *cipher_text << '\n';
  return kExitDone;
}

int run_decrypt(const SecretArguments& arguments, Streams streams) {
  std::optional<conf::SecretKey> key;
  if (!arguments.key_path.empty()) {
    const Result<conf::SecretKey> read = conf::read_secret_key(arguments.key_path);
    if (!read) return failed(streams.err, read.error());
    key = *read;
  }
  const Result<std::string> text = text_of(arguments.text, streams);
  if (!text) return failed(streams.err, text.error());
  const conf::OpenedSecret opened = conf::open_secret(*text, key);
  switch (opened.form) {
    case conf::SecretForm::kPlain:
      return failed(streams.err, Error(Errc::kData,
                                       "this is not cipher text: tiderelay would take "
                                       "it as the password itself"));
    case conf::SecretForm::kPlainLikeACipher:
      return failed(streams.err,
                    Error(Errc::kData, "no known key opens it")
                        .with_way_out("--secret-key-path with the file it was encrypted with"));
    case conf::SecretForm::kOperatorKey:
      break;
    case conf::SecretForm::kBuiltInKey:
      streams.err << "opened with the key that every DM up to 7.6 contains: anybody can do that\n";
      break;
  }
  streams.out << opened.secret.reveal() << '\n';
  return kExitDone;
}

using Run = int (*)(const SecretArguments&, Streams);

void add_secret_command(CLI::App& program, Invocation& invocation, const std::string& name,
                        const std::string& about, const std::string& example, Run run) {
  CLI::App* command = program.add_subcommand(name, about);
  const auto arguments = std::make_shared<SecretArguments>();
  command->add_option("text", arguments->text,
                      "without it: one line from the input, so that no process list shows it");
  add_key_option(*command, *arguments);
  command->footer("Example:\n  " + example);
  command->callback([&invocation, arguments, run] {
    invocation.run = [&invocation, arguments, run] { return run(*arguments, invocation.streams); };
  });
}

}  // namespace

void add_encrypt_command(CLI::App& program, Invocation& invocation) {
  add_secret_command(program, invocation, "encrypt", "a password for a file, as cipher text",
                     "tiderelay encrypt --secret-key-path secret.key", run_encrypt);
}

void add_decrypt_command(CLI::App& program, Invocation& invocation) {
  add_secret_command(program, invocation, "decrypt", "the password of a cipher text, also of DM's",
                     "tiderelay decrypt VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU=", run_decrypt);
}

}  // namespace tiderelay::control
