// relay/relay_accounts.cc: who a user name means, from where it may come, which source it reads,
// and as whom the server greets.
#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "protocol/format_description.h"
#include "relay/relay_server_impl.h"

namespace tiderelay::relay {
namespace {

constexpr std::string_view kMariaPrefix = "5.5.5-";  // what MariaDB 10.x puts into greetings

std::optional<std::vector<unsigned char>> address_bytes(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    return std::vector<unsigned char>(bytes.begin(), bytes.begin() + sizeof(in_addr));
  }
  const std::string plain = text.substr(0, text.find('%'));  // fe80::1%eth0
  if (inet_pton(AF_INET6, plain.c_str(), bytes.data()) == 1) {
    return std::vector<unsigned char>(bytes.begin(), bytes.end());
  }
  return std::nullopt;
}

bool may_read(const std::vector<std::string>& sources, const std::string& source_id) {
  return sources.empty() || std::find(sources.begin(), sources.end(), source_id) != sources.end();
}

Error no_such_source(const std::string& user, const std::string& source_id) {
  return Error(1044, "42000",
               "Access denied for user '" + user + "' to source '" + source_id + "'");
}

}  // namespace

Result<Network> Network::parse(const std::string& text) {
  const std::size_t slash = text.find('/');
  Network network;
  network.address = text.substr(0, slash);
  const auto bytes = address_bytes(network.address);
  const Error wrong(Errc::kConfig, "\"" + text + "\" is no network such as 10.0.0.0/8");
  if (!bytes) return wrong;
  network.bits = static_cast<unsigned>(bytes->size() * 8);
  if (slash == std::string::npos) return network;
  unsigned bits = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + slash + 1, end, bits);
  if (read.ec != std::errc() || read.ptr != end || bits > network.bits) return wrong;
  network.bits = bits;
  return network;
}

bool Network::contains(const std::string& peer) const {
  const auto own = address_bytes(address);
  const auto theirs = address_bytes(peer);
  if (!own || !theirs || own->size() != theirs->size()) return false;
  for (unsigned bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if (((*own)[bit / 8] & mask) != ((*theirs)[bit / 8] & mask)) return false;
  }
  return true;
}

NamedAccount find_account(const std::vector<ServedAccount>& accounts, const std::string& user) {
  NamedAccount found;
  const auto by_name = [&accounts](const std::string& name) -> const ServedAccount* {
    for (const ServedAccount& account : accounts) {
      if (account.name == name) return &account;
    }
    return nullptr;
  };
  found.account = by_name(user);
  const std::size_t at = user.rfind('@');
  if (found.account != nullptr || at == std::string::npos) return found;
  found.account = by_name(user.substr(0, at));
  found.source_id = user.substr(at + 1);
  return found;
}

// Clients go by the version in the greeting, which comes before they say who they are: that of the
// port's source, or of all that may be meant the lowest.
std::optional<std::string> RelayServer::Impl::face(const ServedAddress& address) const {
  std::optional<std::string> lowest;
  bool lowest_is_maria = false;
  const std::lock_guard lock(mutex);
  for (const auto& [id, source] : sources) {
    if (!address.source_id.empty() && id != address.source_id) continue;
    const auto variables = source->log->upstream().get();
    const auto version = variables ? variables->find("version") : ServerVariables::const_iterator();
    if (!variables || version == variables->end()) continue;
    const bool maria = dialect_of(*variables) == protocol::Dialect::kMariadb;
    const bool lower =
        !lowest || (lowest_is_maria && !maria) ||
        (lowest_is_maria == maria &&
         protocol::parse_server_version(version->second) < protocol::parse_server_version(*lowest));
    if (!lower) continue;
    lowest = version->second;
    lowest_is_maria = maria;
  }
  if (lowest_is_maria && lowest->starts_with("10.")) lowest = std::string(kMariaPrefix) + *lowest;
  return lowest;
}

Result<std::shared_ptr<ServedSource>> RelayServer::Impl::choose(const RelayClient& client,
                                                                const std::string& user) const {
  NamedAccount named;
  static const ServedAccount kAnyone;
  if (client.address->trusted) {
    named.account = &kAnyone;
    named.source_id = user;
  } else {
    named = find_account(options.accounts, user);
  }
  std::string wanted = client.address->source_id;
  if (!named.source_id.empty() && !wanted.empty() && named.source_id != wanted) {
    return no_such_source(user, named.source_id);
  }
  if (wanted.empty()) wanted = named.source_id;
  std::vector<std::shared_ptr<ServedSource>> possible;
  std::string names;
  const std::lock_guard lock(mutex);
  for (const auto& [id, source] : sources) {
    const bool allowed =
        may_read(named.account->sources, id) && may_read(client.address->sources, id);
    if (!allowed || (!wanted.empty() && id != wanted)) continue;
    possible.push_back(source);
    names += (names.empty() ? "" : ", ") + id;
  }
  if (possible.size() > 1) {
    return Error(1105, "HY000",
                 "This relay server has several sources for user '" + user + "' (" + names +
                     "): log in as '" + user + "@<source>', or come to the source's own port");
  }
  if (possible.empty()) return no_such_source(user, wanted.empty() ? "(any)" : wanted);
  if (!possible.front()->log->upstream().get()) {
    return passing_dump_error("source " + possible.front()->id + " was never reached");
  }
  return possible.front();
}

}  // namespace tiderelay::relay
