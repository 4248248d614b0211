#include "control/import_files.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tiderelay::control {
namespace {

constexpr const char* kInventory =
    R"([dm_master_servers]
dm_master ansible_host=172.16.10.71

[dm_worker_servers]
dm-worker1 source_id="mysql-replica-01" ansible_host=172.16.10.72 server_id=101 )"
    R"(mysql_host=172.16.10.81 mysql_user=root mysql_password='VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU='
dm-worker2 source_id=mysql-replica-02 ansible_host=172.16.10.73 dm_worker_port=8263 )"
    R"(server_id=102 mysql_host=db2 enable_gtid=true  # the second

[dm_worker_servers:vars]
mysql_user = repl
mysql_password = "a \"b\""

[grafana_servers]
grafana ansible_host=172.16.10.71

[all:vars]
deploy_dir = /data1/dm
flavor = mysql
)";

const std::string& text_of(const Imported& imported, const std::string& name) {
  const auto found = std::ranges::find(imported.files, name, &NamedText::name);
  static const std::string kNone = "no such file";
  return found == imported.files.end() ? kNone : found->text;
}

Result<Imported> import(std::vector<NamedText> files) {
  return import_files(files, conf::real_files());
}

TEST(Import, AnInventoryBecomesSourceFiles) {
  const auto imported = import({{"inventory.ini", kInventory}});
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_EQ(text_of(*imported, "sources/mysql-replica-01.yaml"),
            "# was the source of DM's worker 172.16.10.72:8262\n"
            "source-id: \"mysql-replica-01\"\nflavor: \"mysql\"\nserver-id: 101\n"
            "from:\n  host: \"172.16.10.81\"\n  port: 3306\n  user: \"root\"\n"
            "  password: \"VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU=\"\n");
  EXPECT_EQ(
      text_of(*imported, "sources/mysql-replica-02.yaml"),
      "# was the source of DM's worker 172.16.10.73:8263\n"
      "source-id: \"mysql-replica-02\"\nenable-gtid: true\nflavor: \"mysql\"\n"
      "server-id: 102\n"
      "from:\n  host: \"db2\"\n  port: 3306\n  user: \"repl\"\n  password: \"a \\\"b\\\"\"\n");
  EXPECT_EQ(text_of(*imported, "tiderelay.yaml"),
            "sources:\n- \"sources/mysql-replica-01.yaml\"\n- \"sources/mysql-replica-02.yaml\"\n");
  EXPECT_TRUE(imported->gaps.empty());
  EXPECT_EQ(imported->notes.size(), 2U) << "[grafana_servers], deploy_dir";
}

TEST(Import, DeployOfAMasterNamesSourcesAndSaysWhatIsMissing) {
  const char* const master = R"(master-addr = ":8261"  # where
rpc-timeout = "30s"
[[deploy]]
source-id = "mysql-replica-01"
dm-worker = "172.16.10.72:8262"
[[deploy]]
mysql-instance = 'mysql-replica-02'
dm-worker = "172.16.10.73:8262"
)";
  const auto alone = import({{"dm-master.toml", master}});
  ASSERT_TRUE(alone) << alone.error().text();
  EXPECT_EQ(alone->gaps.size(), 2U);
  EXPECT_EQ(alone->notes.size(), 1U) << "rpc-timeout";
  EXPECT_NE(text_of(*alone, "tiderelay.yaml").find("DM listened on :8261"), std::string::npos);
  const auto with_inventory = import({{"dm-master.toml", master}, {"inventory.ini", kInventory}});
  ASSERT_TRUE(with_inventory);
  EXPECT_TRUE(with_inventory->gaps.empty());
}

TEST(Import, AWorkersFileIsASource) {
  const auto imported = import({{"dm-worker.toml",
                                 "worker-addr = \":8262\"\nsource-id = \"s1\"\nserver-id = 7\n"
                                 "flavor = \"mysql\"\nlog-level = \"info\"\n[from]\nhost = \"h\"\n"
                                 "user = \"u\"\npassword = \"\"\nport = 3307\n"}});
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_NE(text_of(*imported, "sources/s1.yaml").find("  port: 3307\n"), std::string::npos);
  EXPECT_EQ(imported->notes.size(), 1U) << "log-level";
}

TEST(Import, WhatIsWrongIsNamedWithItsPlace) {
  struct Wrong {
    const char* name;
    const char* text;
    const char* says;
  };
  const Wrong rows[] = {
      {"a.ini", "[dm_worker_servers]\nw1 ansible_host=h\n", "w1 has no source_id"},
      {"a.ini", "[dm_worker_servers\n", "a.ini:1: a group"},
      {"a.ini", "[dm_worker_servers]\nw1 what\n", "a.ini:2: \"what\""},
      {"a.toml", "[[deploy]]\ndm-worker = \"x\"\n", "a.toml:1: [[deploy]] has no source-id"},
      {"a.toml", "x = \"open\n", "a.toml:1: a quote"},
      {"a.toml", "x\n", "a.toml:1: key = value"},
      {"a.txt", "", "not a name"},
      {"a.ini", "", "no source"},
  };
  for (const Wrong& row : rows) {
    const auto imported = import({{row.name, row.text}});
    ASSERT_FALSE(imported) << row.says;
    EXPECT_NE(imported.error().text().find(row.says), std::string::npos) << imported.error().text();
  }
}

}  // namespace
}  // namespace tiderelay::control
