/**
 * The ledger in Redis: `limits.ts` and `ledger.ts` in Lua, so that a decision is one round trip and no other comes
 * between. Numbers go back as text: a reply of Redis has whole numbers alone. All names of keys begin with one hash tag, so that a
 * cluster keeps them together.
 *
 * P .. `k:<id>` key: `v` version, `j` record · `k` ids of keys · `b:<account>` buckets · `s:<account>:<month>` what was spent ·
 * `h:<id>` what is held for a request · `h` ids of these by the end of their lease · `x:<id>` a request that must not be counted again
 */
const COMMON = `
local P = ARGV[1]
local q = cjson.decode(ARGV[2])
local now = q.now
if now < 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local MINUTE, LATE, KEPT = 60000, 86400000, 34560000000
-- Adding 0 makes 0 of -0, which Redis does not take.
local function whole(x) return string.format('%.0f', x + 0) end
local function exact(x) return string.format('%.17g', x) end

local function dayOf(ms)
  local z = math.floor(ms / 86400000) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02d', year, month, doy - math.floor((153 * mp + 2) / 5) + 1)
end

local function book(account, day) return P .. 's:' .. account .. ':' .. string.sub(day, 1, 7) end

local function add(account, day, field, amount)
  local name = book(account, day)
  redis.call('HINCRBY', name, string.sub(day, 9) .. field, whole(amount))
  redis.call('PEXPIRE', name, KEPT)
end

local function spend(account, day, amount)
  add(account, day, 'n', amount)
  redis.call('HINCRBY', book(account, day), 'n', whole(amount))
end

local function bucketOf(account)
  local v = redis.call('HMGET', P .. 'b:' .. account, 'ru', 'rs', 'tu', 'ts', 'at')
  for i = 1, 5 do v[i] = tonumber(v[i] or '0') end
  return v
end

local function keep(account, v, at)
  redis.call('HSET', P .. 'b:' .. account, 'ru', exact(v[1]), 'rs', exact(v[2]), 'tu', exact(v[3]), 'ts', exact(v[4]), 'at', at)
  redis.call('PEXPIRE', P .. 'b:' .. account, 2 * LATE)
end

local function drain(v, i, perMinute)
  local drained = v[i]
  if perMinute >= 0 then drained = math.min(v[i], (perMinute / MINUTE) * math.max(0, now - v[5])) end
  v[i] = v[i] - drained
  v[i + 1] = v[i + 1] + drained
end

-- What is held: { day, tokens, nano, charge or release, whether expired, account, place, account, place ... }
local function held(id)
  local text = redis.call('GET', P .. 'h:' .. id)
  return text and cjson.decode(text) or nil
end

local function expire()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'h', '-inf', now, 'LIMIT', 0, 20)) do
    local h = held(id)
    if h and h[5] == 0 then
      for i = 6, #h, 2 do
        add(h[i], h[1], 'x', 1)
        add(h[i], h[1], 'h', -tonumber(h[3]))
        if h[4] == 'release' then spend(h[i], h[1], -tonumber(h[3])) end
      end
      h[5] = 1
      redis.call('SET', P .. 'h:' .. id, cjson.encode(h), 'PX', LATE)
    end
    redis.call('ZREM', P .. 'h', id)
  end
end

local function settle(id)
  local h = held(id)
  if not h then return false end
  local was = tonumber(h[3])
  local counted = (h[5] == 1 and h[4] == 'release') and 0 or was
  local real = q.nano < 0 and was or q.nano
  for i = 6, #h, 2 do
    local account = h[i]
    local v = bucketOf(account)
    local taken, place = tonumber(h[2]), tonumber(h[i + 1])
    local drained = math.min(taken, math.max(0, v[4] - place))
    local back = math.min(taken - q.input - q.output, taken - drained, v[3])
    v[3] = v[3] - back
    v[4] = v[4] + math.max(0, back)
    keep(account, v, whole(v[5]))
    add(account, h[1], 'i', q.input)
    add(account, h[1], 'o', q.output)
    if h[5] == 0 then add(account, h[1], 'h', -was) end
    spend(account, h[1], real - counted)
  end
  redis.call('DEL', P .. 'h:' .. id)
  redis.call('ZREM', P .. 'h', id)
  return true
end
`;

/**
 * q: id, now, key, version (-1 for none), accounts [id, requests a minute, tokens a minute, a day, a month; -1 for no limit], requests, tokens,
 * nano, held, lease, expiry.
 * Gives `changed`, `void`, `held` (reserved before), `reserved` or `refused`, then the time, then requests, tokens, day and month of each account as they
 * were before, drained.
 */
export const RESERVE = `${COMMON}
if q.version >= 0 and redis.call('HGET', P .. 'k:' .. q.key, 'v') ~= whole(q.version) then return { 'changed' } end
if redis.call('EXISTS', P .. 'x:' .. q.id) == 1 then return { 'void' } end
expire()
local day = dayOf(now)
local isNew = redis.call('EXISTS', P .. 'h:' .. q.id) == 0
local fits, reply, buckets = true, { 'reserved', whole(now) }, {}
local function over(used, perMinute, amount)
  return perMinute >= 0 and amount > 0 and used + amount - perMinute > 1e-6 * math.max(1, perMinute)
end
for i, a in ipairs(q.accounts) do
  local v = bucketOf(a[1])
  drain(v, 1, a[2])
  drain(v, 3, a[3])
  -- A clock that went back: from now on it counts from here, also when this request is refused.
  if now < v[5] then keep(a[1], v, whole(now)) end
  local spent = redis.call('HMGET', book(a[1], day), string.sub(day, 9) .. 'n', 'n')
  local ofDay, ofMonth = tonumber(spent[1] or '0'), tonumber(spent[2] or '0')
  if over(v[1], a[2], q.requests) or over(v[3], a[3], q.tokens) then fits = false end
  if q.nano > 0 and ((a[4] >= 0 and ofDay + q.nano > a[4]) or (a[5] >= 0 and ofMonth + q.nano > a[5])) then fits = false end
  buckets[i] = v
  for _, x in ipairs({ exact(v[1]), exact(v[3]), whole(ofDay), whole(ofMonth) }) do table.insert(reply, x) end
end
if not isNew then
  reply[1] = 'held'
  return reply
end
if not fits then
  reply[1] = 'refused'
  return reply
end
local h = { day, whole(q.tokens), whole(q.nano), q.expiry, 0 }
for i, a in ipairs(q.accounts) do
  local v = buckets[i]
  table.insert(h, a[1])
  table.insert(h, exact(v[3] + v[4]))
  v[1] = v[1] + q.requests
  v[3] = v[3] + q.tokens
  keep(a[1], v, whole(now))
  add(a[1], day, 'q', q.requests)
  if q.held then add(a[1], day, 'h', q.nano) end
  spend(a[1], day, q.nano)
end
if q.held then
  redis.call('SET', P .. 'h:' .. q.id, cjson.encode(h), 'PX', whole(q.lease + LATE))
  redis.call('ZADD', P .. 'h', whole(now + q.lease), q.id)
end
return reply`;

/** q: id, now, nano (-1 where nobody knows), input, output. Gives 1 when it was counted now. */
export const SETTLE = `${COMMON}
return settle(q.id) and 1 or 0`;

/**
 * For what was let through, or given up, while Redis could not be reached: as SETTLE; and what is not held is counted, once. No
 * reservation of that name, which may still be on its way, counts afterwards.
 * q: as SETTLE, with accounts, day and requests.
 */
export const CHARGE = `${COMMON}
if redis.call('EXISTS', P .. 'x:' .. q.id) == 1 then return 0 end
redis.call('SET', P .. 'x:' .. q.id, 1, 'PX', LATE)
if settle(q.id) then return 1 end
for _, account in ipairs(q.accounts) do
  add(account, q.day, 'q', q.requests)
  add(account, q.day, 'i', q.input)
  add(account, q.day, 'o', q.output)
  spend(account, q.day, q.nano)
end
return 1`;

/** q: id, version, record. Gives 1 when the version before was there. */
export const WRITE_KEY = `${COMMON}
local name = P .. 'k:' .. q.id
local version = tonumber(redis.call('HGET', name, 'v') or '0')
if version ~= q.version - 1 then return 0 end
redis.call('HSET', name, 'v', whole(q.version), 'j', q.record)
redis.call('ZADD', P .. 'k', 0, q.id)
return 1`;

/** q: id. Gives 1 when there was one. */
export const DELETE_KEY = `${COMMON}
redis.call('ZREM', P .. 'k', q.id)
return redis.call('DEL', P .. 'k:' .. q.id)`;

/** q: now. Lets go of what nobody settled in time. */
export const EXPIRE = `${COMMON}
expire()
return 1`;
