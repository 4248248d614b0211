// control/api_message.cc: the body of POST /api/v1/ctl.
#include <boost/json.hpp>

#include "control/api.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

Error wrong(const std::string& text) {
  return Error(Errc::kConfig, "the body " + text)
      .with_way_out(R"(send {"command": ["query-status"], "files": {}})");
}

}  // namespace

std::string encode_ctl(const CtlMessage& message) {
  json::array words;
  for (const std::string& word : message.command) words.push_back(json::string(word));
  json::object files;
  for (const auto& [path, content] : message.files) files[path] = content;
  json::object body;
  body["command"] = std::move(words);
  body["files"] = std::move(files);
  return json::serialize(body);
}

Result<CtlMessage> decode_ctl(const std::string& body) {
  boost::system::error_code failure;
  const json::value value = json::parse(body, failure);
  if (failure) return wrong("is no JSON");
  const json::object* const object = value.if_object();
  if (object == nullptr) return wrong("is no object");
  CtlMessage message;
  for (const auto& item : *object) {
    const json::array* const words = item.value().if_array();
    const json::object* const files = item.value().if_object();
    if (item.key() == "command" && words != nullptr) {
      for (const json::value& word : *words) {
        if (!word.is_string()) return wrong("has a word in \"command\" that is no text");
        message.command.emplace_back(word.get_string());
      }
    } else if (item.key() == "files" && files != nullptr) {
      for (const auto& file : *files) {
        if (!file.value().is_string()) return wrong("has a file that is no text");
        message.files[std::string(file.key())] = std::string(file.value().get_string());
      }
    } else {
      return wrong("has an unknown or wrong key: " + std::string(item.key()));
    }
  }
  if (message.command.empty()) return wrong("has no \"command\"");
  return message;
}

}  // namespace tiderelay::control
