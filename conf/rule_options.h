// conf/rule_options.h: the keys of lists, routes and filters, and the checks of their patterns.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "applier/event_filter.h"
#include "applier/router.h"
#include "applier/table_filter.h"
#include "conf/option_table.h"

namespace tiderelay::conf {

const OptionTable<applier::TablePatternOptions>& option_table(Tag<applier::TablePatternOptions>);
const OptionTable<applier::TableFilterOptions>& option_table(Tag<applier::TableFilterOptions>);
const OptionTable<applier::RouteOptions>& option_table(Tag<applier::RouteOptions>);
const OptionTable<applier::EventRuleOptions>& option_table(Tag<applier::EventRuleOptions>);

// Each rule alone, at its own place; `nodes` are those of the rules.
void check_route(Reader& reader, const YamlNode& at, const applier::RouteOptions& rule,
                 bool case_sensitive);
void check_filter(Reader& reader, const YamlNode& at, const applier::EventRuleOptions& rule,
                  bool case_sensitive);
void check_list(Reader& reader, const YamlNode& at, const applier::TableFilterOptions& list,
                bool case_sensitive);

}  // namespace tiderelay::conf
