"""The numerics this server sends, as a table: name, code, and the text that stands at the end.

Names and codes: modern.ircdocs.horse, "Numerics". The texts are ours: one sentence that somebody who never read a
specification understands. A ``{0}`` is the reply's first own parameter (what stands after the receiver's nick). A
numeric whose text is empty carries data only, and its last parameter is the caller's.
"""

from __future__ import annotations

from typing import NamedTuple


class Numeric(NamedTuple):
    """One row: the three digits, and the text at the end (with ``{0}``, ``{1}`` for the reply's own parameters)."""

    code: str
    text: str


RPL_WELCOME = Numeric("001", "")
RPL_YOURHOST = Numeric("002", "")
RPL_CREATED = Numeric("003", "")
RPL_MYINFO = Numeric("004", "")
RPL_ISUPPORT = Numeric("005", "are supported by this server")
RPL_UMODEIS = Numeric("221", "")
RPL_LUSERCLIENT = Numeric("251", "")
RPL_LUSERUNKNOWN = Numeric("253", "connections that have not registered yet")
RPL_LUSERCHANNELS = Numeric("254", "rooms formed")
RPL_LUSERME = Numeric("255", "")
RPL_LOCALUSERS = Numeric("265", "")
RPL_GLOBALUSERS = Numeric("266", "")
RPL_AWAY = Numeric("301", "")
RPL_USERHOST = Numeric("302", "")
RPL_ISON = Numeric("303", "")
RPL_UNAWAY = Numeric("305", "You are no longer marked as being away")
RPL_NOWAWAY = Numeric("306", "You are now marked as being away")
RPL_WHOISUSER = Numeric("311", "")
RPL_WHOISSERVER = Numeric("312", "")
RPL_ENDOFWHO = Numeric("315", "End of the WHO list")
RPL_WHOISOPERATOR = Numeric("313", "is an operator of this server")
RPL_WHOISIDLE = Numeric("317", "seconds idle, signon time")
RPL_ENDOFWHOIS = Numeric("318", "End of the WHOIS answer")
RPL_WHOISCHANNELS = Numeric("319", "")
RPL_LISTSTART = Numeric("321", "Users  Name")
RPL_LIST = Numeric("322", "")
RPL_LISTEND = Numeric("323", "End of the room list")
RPL_CHANNELMODEIS = Numeric("324", "")
RPL_CREATIONTIME = Numeric("329", "")
RPL_NOTOPIC = Numeric("331", "No topic is set")
RPL_TOPIC = Numeric("332", "")
RPL_TOPICWHOTIME = Numeric("333", "")
RPL_VERSION = Numeric("351", "")
RPL_WHOREPLY = Numeric("352", "")
RPL_NAMREPLY = Numeric("353", "")
RPL_ENDOFNAMES = Numeric("366", "End of the names list")
RPL_MOTD = Numeric("372", "")
RPL_MOTDSTART = Numeric("375", "")
RPL_ENDOFMOTD = Numeric("376", "End of the message of the day")
RPL_WHOISHOST = Numeric("378", "")
RPL_YOUREOPER = Numeric("381", "You are an operator of this server now")
RPL_TIME = Numeric("391", "")

ERR_NOSUCHNICK = Numeric("401", "Nobody here is called {0}")
ERR_NOSUCHSERVER = Numeric("402", "There is no server called {0}; this is the only one")
ERR_NOSUCHCHANNEL = Numeric("403", "There is no room called {0}")
ERR_CANNOTSENDTOCHAN = Numeric("404", "Not sent to {0}: you are not in that room")
ERR_TOOMANYCHANNELS = Numeric("405", "Cannot enter {0}: you are in as many rooms as one user may be")
ERR_TOOMANYTARGETS = Numeric("407", "Too many receivers at once; it was sent to nobody")
ERR_NOORIGIN = Numeric("409", "No token was given")
ERR_INVALIDCAPCMD = Numeric("410", "There is no such CAP subcommand")
ERR_NORECIPIENT = Numeric("411", "Nobody was named to receive this")
ERR_NOTEXTTOSEND = Numeric("412", "An empty message is not sent")
ERR_INPUTTOOLONG = Numeric("417", "That line is too long; nothing of it was sent. Please send it in shorter pieces")
ERR_UNKNOWNCOMMAND = Numeric("421", "There is no such command")
ERR_NOMOTD = Numeric("422", "There is no message of the day")
ERR_NONICKNAMEGIVEN = Numeric("431", "No name was given")
ERR_ERRONEUSNICKNAME = Numeric("432", "")
ERR_NICKNAMEINUSE = Numeric("433", "The name {0} is taken; please choose another")
ERR_USERNOTINCHANNEL = Numeric("441", "{0} is not in {1}")
ERR_NOTONCHANNEL = Numeric("442", "You are not in {0}")
ERR_NOTREGISTERED = Numeric("451", "Please give your name first (NICK and USER)")
ERR_NEEDMOREPARAMS = Numeric("461", "{0} needs more parameters than that")
ERR_ALREADYREGISTERED = Numeric("462", "You have registered already; this cannot be changed now")
ERR_PASSWDMISMATCH = Numeric("464", "The password is wrong or missing")
ERR_UNKNOWNMODE = Numeric("472", "{0} is no mode that this server knows")
ERR_CHANOPRIVSNEEDED = Numeric("482", "Only an operator of {0} may do that")
ERR_NOOPERHOST = Numeric("491", "There is no operator of that name here")
ERR_UMODEUNKNOWNFLAG = Numeric("501", "That is no user mode that this server knows")
ERR_USERSDONTMATCH = Numeric("502", "The modes of other users cannot be seen or changed")
