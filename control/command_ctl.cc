// control/command_ctl.cc: one command there and back, or lines until the end of the input.
#include "control/command_ctl.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <iostream>

#include "conf/endpoint.h"
#include "conf/file_access.h"
#include "control/api.h"
#include "control/commands.h"
#include "control/ctl_words.h"
#include "control/http.h"

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
  const bool needs_file = call.command == CtlCommand::kStartTask ||
                          call.command == CtlCommand::kCheckTask || call.action == "create" ||
                          call.action == "update";
  SentFiles files;
  for (const std::string& word : file_words(call)) {
    std::error_code failure;
    const bool there = std::filesystem::is_regular_file(word, failure);
    const bool looks_like_file = word.find('/') != std::string::npos || word.ends_with(".yaml");
    if (!there && !needs_file && !looks_like_file) continue;  // a name
    const Result<std::string> text = access.read_file(word);
    if (!text) return text.error();
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
    for (const char* const scheme : {"http://"}) {
      if (text.starts_with(scheme)) text = text.substr(std::string(scheme).size());
    }
    const Result<conf::ListenAddress> address = conf::parse_listen_address(text);
    if (!address) return address.error().in("--addr");
    Client client;
    client.host_ = address->host.empty() ? "127.0.0.1" : address->host;
    client.port_ = address->port;
    client.deadline_ = arguments.deadline;
    if (arguments.token_file.empty()) return client;
    const Result<std::string> token = conf::real_files().read_file(arguments.token_file);
    if (!token) return token.error();
    client.authorization_ = "Bearer " + token->substr(0, token->find_first_of("\r\n"));
    return client;
  }

  // One command: prints the answer, gives the exit code.
  [[nodiscard]] int run(std::vector<std::string> words, Streams streams) const {
    const Result<CtlCall> call = parse_ctl(words);
    if (!call) return usage(streams.err, call.error());
    Result<SentFiles> files = read_files(words, *call);
    if (!files) return failed(streams.err, files.error());
    HttpRequest request;
    request.method = "POST";
    request.path = kCtlPath;
    request.authorization = authorization_;
    CtlMessage message;
    message.command = std::move(words);
    message.files = std::move(*files);
    request.body = encode_ctl(message);
    const Result<HttpResponse> response = http_request(host_, port_, request, deadline_);
    if (!response) {
      streams.err << "tiderelay ctl: " << response.error().text() << '\n';
      if (!response.error().way_out().empty()) streams.err << response.error().way_out() << '\n';
      return kExitFailed;
    }
    return show(*response, streams);
  }

 private:
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

  std::string host_;
  std::uint16_t port_ = 0;
  std::chrono::milliseconds deadline_{0};
  std::string authorization_;
};

int prompt(const Client& client, Streams streams) {
  const bool terminal = &streams.in == &std::cin && ::isatty(STDIN_FILENO) != 0;
  if (terminal) streams.out << "help lists the commands, exit ends\n";
  int code = kExitDone;
  for (;;) {
    if (terminal) streams.out << "» " << std::flush;
    std::string line;
    if (!std::getline(streams.in, line)) return code;
    const Result<std::vector<std::string>> words = split_line(line);
    if (!words) {
      code = usage(streams.err, words.error());
      continue;
    }
    if (words->empty()) continue;
    if (words->front() == "exit" || words->front() == "quit") return code;
    if (words->front() == "help") {
      streams.out << ctl_help(words->size() > 1 ? (*words)[1] : "");
      continue;
    }
    code = client.run(*words, streams);
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
    streams.out << ctl_help(first ? (words.size() > 1 ? words[1] : "") : words.front());
    return kExitDone;
  }
  const Result<Client> client = Client::make(arguments);
  if (!client) return usage(streams.err, client.error());
  if (words.empty()) return prompt(*client, streams);
  return client->run(words, streams);
}

}  // namespace tiderelay::control
