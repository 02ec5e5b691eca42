-- For wrk: sends the request targets of the file TARGETS in turn, each with the X-Forwarded-For that stands behind it.
-- CLOSE=1 closes the connection after each.

-- Code compiled by LuaJIT is sometimes many times slower here than its interpreter.
if jit then jit.off() end

local requests = {}
local next_request = 0

function init(args)
    local last = "Host: bench\r\nUser-Agent: bench\r\n\r\n"
    if os.getenv("CLOSE") == "1" then
        last = "Connection: close\r\n" .. last
    end
    for line in io.lines(os.getenv("TARGETS")) do
        local target, address = line:match("([^\t]*)\t?(.*)")
        local forwarded = address ~= "" and "X-Forwarded-For: " .. address .. "\r\n" or ""
        requests[#requests + 1] = "GET " .. target .. " HTTP/1.1\r\n" .. forwarded .. last
    end
end

function request()
    next_request = next_request % #requests + 1
    return requests[next_request]
end
