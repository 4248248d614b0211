// conf/endpoint_options.h: the keys of servers, TLS and passwords, shared by all files.
#pragma once

#include "conf/endpoint.h"
#include "conf/option_table.h"

namespace tiderelay::conf {

const OptionTable<Security>& option_table(Tag<Security>);
const OptionTable<Endpoint>& option_table(Tag<Endpoint>);

// The password of a map that has the three keys below; a problem where two of them are given.
void read_password_file(Reader& reader, const YamlNode& node, Secret& into);
void read_password_env(Reader& reader, const YamlNode& node, Secret& into);
void check_one_password(Reader& reader, const YamlNode& map);

template <class T>
OptionTable<T>& with_password(OptionTable<T>& table) {
  table.template field<&T::password>("password", "plain text, or DM cipher text");
  table.template custom<std::string>(
      "password-file", "a file with the plain password, beside this file",
      [](Reader& reader, const Option&, const YamlNode& node, T& into) {
        read_password_file(reader, node, into.password);
      });
  table.template custom<std::string>(
      "password-env", "an environment variable with the plain password",
      [](Reader& reader, const Option&, const YamlNode& node, T& into) {
        read_password_env(reader, node, into.password);
      });
  return table;
}

}  // namespace tiderelay::conf
