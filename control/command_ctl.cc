// control/command_ctl.cc: one command there and back, or lines until the end of the input.
#include "control/command_ctl.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/utf8.h"
#include "conf/endpoint.h"
#include "conf/file_access.h"
#include "control/api.h"
#include "control/commands.h"
#include "control/ctl_table.h"
#include "control/ctl_words.h"
#include "control/dm_answers.h"
#include "control/http.h"
#include "control/line_editor.h"
#include "control/operations.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

int usage(std::ostream& err, const Error& error) {
  err << "tiderelay ctl: " << error.text() << '\n';
  if (!error.way_out().empty()) err << error.way_out() << '\n';
  return kExitUsage;
}

// The daemon's address may also stand behind the command, as dmctl's users write it.
Result<void> take_address(CtlArguments& arguments) {
  std::vector<std::string>& words = arguments.words;
  for (std::size_t i = 0; i < words.size();) {
    const std::size_t mark = words[i].find('=');
    const std::string name = words[i].substr(0, mark);
    if (name != "--addr" && name != "--master-addr") {
      ++i;
      continue;
    }
    const bool inside = mark != std::string::npos;
    if (!inside && i + 1 >= words.size()) return Error(Errc::kConfig, name + " needs host:port");
    arguments.address = inside ? words[i].substr(mark + 1) : words[i + 1];
    const auto first = words.begin() + static_cast<std::ptrdiff_t>(i);
    words.erase(first, first + (inside ? 1 : 2));
  }
  return {};
}

// Files are sent by their full names: the daemon runs in another folder.
Result<SentFiles> read_files(std::vector<std::string>& words, const CtlCall& call) {
  const conf::FileAccess access = conf::real_files();
  const bool needs_file =
      call.command == CtlCommand::kStartTask || call.command == CtlCommand::kCheckTask ||
      call.command == CtlCommand::kUpdateTask || call.action == "create" || call.action == "update";
  SentFiles files;
  for (const std::string& word : file_words(call)) {
    std::error_code failure;
    const bool there = std::filesystem::is_regular_file(word, failure);
    const bool looks_like_file = word.find('/') != std::string::npos || word.ends_with(".yaml");
    if (!there && !needs_file && !looks_like_file) continue;  // a name
    const Result<std::string> text = access.read_file(word);
    if (!text) return text.error();
    if (const std::size_t good = utf8_prefix(*text); good < text->size()) {
      return Error(Errc::kConfig, word + ": not UTF-8 from byte " + std::to_string(good) + " on")
          .with_way_out("save the file as UTF-8");
    }
    const std::string full = std::filesystem::absolute(word, failure).lexically_normal().string();
    files[full] = *text;
    std::replace(words.begin(), words.end(), word, full);
  }
  return files;
}

// The address's host and port, or the error.
class Client {
 public:
  static Result<Client> make(const CtlArguments& arguments) {
    std::string text = arguments.address;
    Client client;
    client.peer_.tls = text.starts_with("https://") || !arguments.ca_file.empty();
    const std::size_t scheme = text.find("://");
    if (text.starts_with("http://") || text.starts_with("https://")) text = text.substr(scheme + 3);
    const Result<conf::ListenAddress> address = conf::parse_listen_address(text);
    if (!address) return address.error().in("--addr");
    client.peer_.host = address->host.empty() ? "127.0.0.1" : address->host;
    client.peer_.port = address->port;
    client.deadline_ = arguments.deadline;
    if (!arguments.ca_file.empty()) {
      const Result<std::string> ca = conf::real_files().read_file(arguments.ca_file);
      if (!ca) return ca.error();
      client.peer_.ca_pem = *ca;
    }
    if (arguments.token_file.empty()) return client;
    const Result<std::string> token = conf::real_files().read_file(arguments.token_file);
    if (!token) return token.error();
    client.authorization_ = "Bearer " + token->substr(0, token->find_first_of("\r\n"));
    return client;
  }

  // One command: prints the answer, gives the exit code.
  [[nodiscard]] int run(std::vector<std::string> words, Streams streams) const {
    for (std::size_t at = 0; at < words.size(); ++at) {
      if (is_utf8(words[at])) continue;
      return usage(streams.err, Error(Errc::kConfig, "word " + std::to_string(at + 1) +
                                                         " of the command is no UTF-8 text"));
    }
    const Result<CtlCall> call = parse_ctl(words);
    if (!call) return usage(streams.err, call.error());
    if (call->command == CtlCommand::kConfig && call->action == "import") {
      return import_folder(call->folder, streams);
    }
    Result<SentFiles> files = read_files(words, *call);
    if (!files) return failed(streams.err, files.error());
    const bool on_record =
        call->command == CtlCommand::kBinlog || call->command == CtlCommand::kBinlogSchema;
    if (on_record && call->by.empty()) {
      words.insert(words.begin() + 1, "--by=" + this_operator());
    }
    const Result<HttpResponse> response = ask(std::move(words), std::move(*files));
    if (!response) return failed(streams.err, response.error());
    if (call->command == CtlCommand::kConfig && call->action == "export") {
      return export_folder(*response, call->folder, streams);
    }
    if (call->command == CtlCommand::kConfig && !call->folder.empty()) {
      return save_config(*response, call->folder, streams);
    }
    return show(*response, streams);
  }

 private:
  [[nodiscard]] Result<HttpResponse> ask(std::vector<std::string> words, SentFiles files) const {
    HttpRequest request;
    request.method = "POST";
    request.path = kCtlPath;
    request.authorization = authorization_;
    CtlMessage message;
    message.command = std::move(words);
    message.files = std::move(files);
    request.body = encode_ctl(message);
    return http_request(peer_, request, deadline_);
  }

  // Sources first, then tasks, in the order of their names; goes on behind what is refused.
  [[nodiscard]] int import_folder(const std::string& folder, Streams streams) const {
    int code = kExitDone;
    std::size_t sent = 0;
    const std::pair<const char*, std::vector<std::string>> kinds[] = {
        {"sources", {"operate-source", "create"}}, {"tasks", {"start-task"}}};
    for (const auto& [kind, command] : kinds) {
      for (const std::string& file :
           yaml_files((folder.empty() ? "configs" : folder) + "/" + kind)) {
        std::vector<std::string> words = command;
        words.push_back(file);
        code = std::max(code, run(std::move(words), streams));
        ++sent;
      }
    }
    if (sent > 0) return code;
    return usage(streams.err,
                 Error(Errc::kConfig, "no files to import under sources/ and tasks/")
                     .with_way_out("--path names a folder that `config export` wrote"));
  }

  static std::vector<std::string> yaml_files(const std::string& folder) {
    std::vector<std::string> files;
    std::error_code failure;
    for (auto at = std::filesystem::directory_iterator(folder, failure);
         !failure && at != std::filesystem::directory_iterator(); at.increment(failure)) {
      if (at->path().extension() == ".yaml") files.push_back(at->path().string());
    }
    std::ranges::sort(files);
    return files;
  }

  // As dmctl: the text goes into the file and the answer says so.
  static int save_config(const HttpResponse& response, const std::string& path, Streams streams) {
    boost::system::error_code failure;
    const json::value answer = json::parse(response.body, failure);
    const json::object* const object = failure ? nullptr : answer.if_object();
    const json::value* const text = object != nullptr ? object->if_contains("cfg") : nullptr;
    if (text == nullptr || !text->is_string()) return show(response, streams);
    std::ofstream stream(path, std::ios::binary | std::ios::trunc);
    stream << std::string_view(text->get_string());
    if (!stream.flush()) {
      return failed(streams.err, Error(Errc::kStorage, path + " cannot be written"));
    }
    streams.out << json_text(plain_answer(true, "write config to file succeed"));
    return kExitDone;
  }

  // The files hold passwords: only their owner may read them.
  static int export_folder(const HttpResponse& response, const std::string& to, Streams streams) {
    boost::system::error_code failure;
    const json::value answer = json::parse(response.body, failure);
    const json::object* const object = failure ? nullptr : answer.if_object();
    const json::value* const files = object != nullptr ? object->if_contains("files") : nullptr;
    if (files == nullptr || !files->is_object()) return show(response, streams);
    const std::string folder = to.empty() ? "configs" : to;
    for (const auto& file : files->get_object()) {
      const std::string path = folder + "/" + std::string(file.key());
      std::error_code problem;
      std::filesystem::create_directories(std::filesystem::path(path).parent_path(), problem);
      std::ofstream stream(path, std::ios::binary | std::ios::trunc);
      std::filesystem::permissions(
          path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, problem);
      stream << std::string_view(file.value().as_string());
      if (!stream.flush()) {
        return failed(streams.err, Error(Errc::kStorage, path + " cannot be written"));
      }
    }
    streams.out << json_text(plain_answer(
        true, std::to_string(files->get_object().size()) + " files written to " + folder));
    return kExitDone;
  }

  static int show(const HttpResponse& response, Streams streams) {
    boost::system::error_code failure;
    const json::value answer = json::parse(response.body, failure);
    const json::object* const object = failure ? nullptr : answer.if_object();
    const json::value* const result = object != nullptr ? object->if_contains("result") : nullptr;
    if (response.status == 200 && result != nullptr) {
      streams.out << response.body << std::flush;
      return *result == true ? kExitDone : kExitFailed;
    }
    const json::value* const text = object != nullptr ? object->if_contains("error_msg") : nullptr;
    streams.err << "tiderelay ctl: "
                << (text != nullptr && text->is_string() ? std::string(text->get_string())
                                                         : response.body)
                << '\n';
    return response.status == 400 ? kExitUsage : kExitFailed;
  }

  HttpPeer peer_;
  std::chrono::milliseconds deadline_{0};
  std::string authorization_;
};

// One line of the prompt; nothing: it was `exit`. `code`: of the last command.
bool run_line(const Client& client, const std::string& line, Streams streams, int& code) {
  const Result<std::vector<std::string>> words = split_line(line);
  if (!words) {
    code = usage(streams.err, words.error());
    return true;
  }
  if (words->empty()) return true;
  if (words->front() == "exit" || words->front() == "quit") return false;
  if (words->front() == "help") {
    streams.out << ctl_help(words->size() > 1 ? (*words)[1] : "");
    return true;
  }
  code = client.run(*words, streams);
  return true;
}

int prompt(const Client& client, Streams streams) {
  int code = kExitDone;
  if (&streams.in != &std::cin || ::isatty(STDIN_FILENO) == 0) {
    for (std::string line; std::getline(streams.in, line);) {
      if (!run_line(client, line, streams, code)) break;
    }
    return code;
  }
  streams.out << "help lists the commands, the tabulator completes them, exit ends\n" << std::flush;
  LineEditor editor(ctl_candidates);
  for (;;) {
    const std::optional<std::string> line = editor.read("» ");
    if (!line || !run_line(client, *line, streams, code)) return code;
  }
}

}  // namespace

int run_ctl(CtlArguments arguments, Streams streams) {
  const Result<void> address = take_address(arguments);
  if (!address) return usage(streams.err, address.error());
  const std::vector<std::string>& words = arguments.words;
  const bool asks_help = std::ranges::find(words, "--help") != words.end();
  if (!words.empty() && (asks_help || words.front() == "help")) {
    const bool first = words.front() == "help" || words.front() == "--help";
    const std::string about = !first ? words.front() : words.size() > 1 ? words[1] : "";
    if (!about.empty() && find_command(about) == nullptr) {
      return usage(streams.err, parse_ctl({about}).error());
    }
    streams.out << ctl_help(about);
    return kExitDone;
  }
  const Result<Client> client = Client::make(arguments);
  if (!client) return usage(streams.err, client.error());
  if (words.empty()) return prompt(*client, streams);
  return client->run(words, streams);
}

}  // namespace tiderelay::control
