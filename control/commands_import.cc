// control/commands_import.cc: `tiderelay import`: a DM deployment's files read, ours written.
#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>

#include "conf/daemon_config.h"
#include "conf/file_access.h"
#include "control/commands.h"
#include "control/import_files.h"

namespace tiderelay::control {

namespace {

struct ImportArguments {
  std::vector<std::string> files;
  std::string folder;
  std::string secret_key_path;
};

// Passwords may be in them: only their owner reads them. Nothing is ever overwritten.
Result<void> write_new(const std::string& folder, const NamedText& file) {
  const std::filesystem::path path = std::filesystem::path(folder) / file.name;
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  if (std::filesystem::exists(path)) {
    return Error(Errc::kConfig, path.string() + " exists already")
        .with_way_out("name another folder with --output");
  }
  const mode_t before = ::umask(0077);
  std::ofstream out(path, std::ios::binary);
  out << file.text;
  out.close();
  ::umask(before);
  if (!out) return Error(Errc::kStorage, path.string() + " cannot be written");
  return {};
}

Result<Imported> read_all(const ImportArguments& arguments) {
  conf::FileAccess access = conf::real_files();
  if (!arguments.secret_key_path.empty()) {
    const Result<conf::SecretKey> key = conf::read_secret_key(arguments.secret_key_path);
    if (!key) return key.error();
    access.secret_key = *key;
  }
  std::vector<NamedText> given;
  for (const std::string& name : arguments.files) {
    const Result<std::string> text = access.read_file(name);
    if (!text) return text.error().as(Errc::kConfig);
    given.push_back({name, *text});
  }
  return import_files(given, access);
}

int run_import(const ImportArguments& arguments, Streams streams) {
  const Result<Imported> imported = read_all(arguments);
  if (!imported) return failed(streams.err, imported.error());
  for (const NamedText& file : imported->files) {
    const Result<void> written = write_new(arguments.folder, file);
    if (!written) return failed(streams.err, written.error());
    streams.out << arguments.folder << '/' << file.name << '\n';
  }
  for (const std::string& note : imported->notes) streams.err << "note: " << note << '\n';
  for (const std::string& gap : imported->gaps) streams.err << "to be filled in: " << gap << '\n';
  return imported->gaps.empty() ? kExitDone : kExitFailed;
}

}  // namespace

void add_import_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command =
      program.add_subcommand("import", "a DM deployment's files of 2019 as files of tiderelay");
  const auto arguments = std::make_shared<ImportArguments>();
  command
      ->add_option("files", arguments->files,
                   "inventory.ini, dm-master.toml, dm-worker.toml, task files")
      ->required();
  command->add_option("--output", arguments->folder, "where tiderelay.yaml and the others go")
      ->required();
  command
      ->add_option("--secret-key-path", arguments->secret_key_path,
                   "the key of the files' cipher texts, 64 hex digits")
      ->envname("TIDERELAY_SECRET_KEY_PATH");
  command->footer(
      "Example:\n  tiderelay import inventory.ini task.yaml --output tiderelay\n"
      "  tiderelay serve --config tiderelay/tiderelay.yaml\n"
      "Exit code 1: something is left to be filled in, which is said.");
  command->callback([arguments, &invocation] {
    invocation.run = [arguments, &invocation] {
      return run_import(*arguments, invocation.streams);
    };
  });
}

}  // namespace tiderelay::control
