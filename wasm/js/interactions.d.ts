// Made by `cargo xtask npm --types` from the model in core/src/interaction; a test compares the two.
import type { JsonValue, Rest } from "./events.js";

/** The platform asks whether anybody is there; answered by a `PongResponse`. */
export type PingInteraction = {
  id: Snowflake,
  application_id: Snowflake,
  type: 1,
  token?: string,
  version?: number,
} & Rest;

/** What somebody did, told apart by `type`. A type that came later than this model arrives all the same. */
export type Interaction = PingInteraction | ApplicationCommandInteraction | MessageComponentInteraction | AutocompleteInteraction | ModalSubmitInteraction;

/** An answer to an interaction, told apart by `type`. */
export type InteractionResponse = PongResponse | MessageResponse | DeferredMessageResponse | DeferredUpdateResponse | UpdateResponse | ChoicesResponse | ModalResponse | LaunchActivityResponse;

/** What answers an interaction of this kind. */
export type ResponseTo<I extends Interaction> = Responses[I["type"]];

/** What answers an interaction, by its `type`. */
export interface Responses {
  1: PongResponse;
  2: MessageResponse | DeferredMessageResponse | ModalResponse | LaunchActivityResponse;
  3: MessageResponse | DeferredMessageResponse | DeferredUpdateResponse | UpdateResponse | ModalResponse | LaunchActivityResponse;
  4: ChoicesResponse;
  5: MessageResponse | DeferredMessageResponse | DeferredUpdateResponse | UpdateResponse | LaunchActivityResponse;
}

/** Answers a ping. */
export type PongResponse = { type: 1 };

/** Sends a message. */
export type MessageResponse = { type: 4, data: MessageFields };

/** Says that a message will come, by a follow-up. */
export type DeferredMessageResponse = { type: 5, data?: { flags?: MessageFlags | null } };

/** Says that the component's message will be changed, or that nothing will happen. */
export type DeferredUpdateResponse = { type: 6 };

/** Changes the component's message. */
export type UpdateResponse = { type: 7, data: MessageFields };

/** Completes an option. */
export type ChoicesResponse = { type: 8, data: Choices };

/** Opens a modal. */
export type ModalResponse = { type: 9, data: Modal };

/** Opens the application's activity. */
export type LaunchActivityResponse = { type: 12 };

/** A row of up to five buttons, or one select menu. */
export type ActionRow = {
  /** What it is. */
  type: 1,
  /** The buttons or the menu. */
  components: Array<Component>,
  /** The component's number in its message. */
  id?: number | null,
} & Rest;

/** Whom the mentions in a message may notify (documentation: message resource, allowed mentions object). */
export type AllowedMentions = {
  /** The kinds that are taken from the text. */
  parse?: Array<MentionKind> | null,
  /** At most 100 roles. */
  roles?: Array<Snowflake> | null,
  /** At most 100 users. */
  users?: Array<Snowflake> | null,
  /** Whether the author of the message that is replied to is notified. */
  replied_user?: boolean | null,
} & Rest;

/** A user ran a command. */
export type ApplicationCommandInteraction = {
  /** The interaction's id. */
  id: Snowflake,
  /** The application that it is for. */
  application_id: Snowflake,
  /** What it is. */
  type: 2,
  /** What the user did. */
  data: CommandData,
  /** What answers by callback and follow-ups show, for 15 minutes. */
  token: string,
  /** Always 1. */
  version?: number | null,
  /** The guild, in part. */
  guild?: Guild | null,
  /** The guild's id. */
  guild_id?: Snowflake | null,
  /** The channel, in part. */
  channel?: Channel | null,
  /** The channel's id. */
  channel_id?: Snowflake | null,
  /** Who invoked it, in a guild. */
  member?: Member | null,
  /** Who invoked it, elsewhere. */
  user?: User | null,
  /** The message of the component; for modals, of the component that opened it. */
  message?: Message | null,
  /** What the application may do where it comes from. */
  app_permissions?: Permissions | null,
  /** The language of the invoking user. */
  locale?: string | null,
  /** The language of the guild. */
  guild_locale?: string | null,
  /** What the user has bought of the application. */
  entitlements?: Array<Entitlement> | null,
  /** For whom the application is installed: a guild (0 in a direct message with the bot), a user, or both. */
  authorizing_integration_owners?: { [key in Installation]?: Snowflake } | null,
  /** Where it comes from. */
  context?: Context | null,
  /** How many bytes a file of the answer may have. */
  attachment_size_limit?: number | null,
} & Rest;

/** An attached file as the platform describes it (documentation: message resource, attachment object). */
export type Attachment = {
  /** The attachment's id. */
  id: Snowflake,
  /** The file's name. */
  filename: string,
  /** The name as it was, where the file's name had to change. */
  title?: string | null,
  /** What the file shows, for those who can't see it. */
  description?: string | null,
  /** The media type. */
  content_type?: string | null,
  /** Bytes. */
  size?: number | null,
  /** Where the file is. */
  url?: string | null,
  /** Where the file is, through the platform's proxy. */
  proxy_url?: string | null,
  /** Pixels of a picture, top to bottom. */
  height?: number | null,
  /** Pixels of a picture, side to side. */
  width?: number | null,
  /** A thumbhash of a picture. */
  placeholder?: string | null,
  /** The version of `placeholder`. */
  placeholder_version?: number | null,
  /** Whether it goes away after a while. */
  ephemeral?: boolean | null,
  /** Seconds of a voice message. */
  duration_secs?: number | null,
  /** The sampled waveform of a voice message, base64. */
  waveform?: string | null,
  /** The attachment's flags, as bits. */
  flags?: number | null,
} & Rest;

/** A user types into an option of a command. */
export type AutocompleteInteraction = {
  /** The interaction's id. */
  id: Snowflake,
  /** The application that it is for. */
  application_id: Snowflake,
  /** What it is. */
  type: 4,
  /** What the user did. */
  data: CommandData,
  /** What answers by callback and follow-ups show, for 15 minutes. */
  token: string,
  /** Always 1. */
  version?: number | null,
  /** The guild, in part. */
  guild?: Guild | null,
  /** The guild's id. */
  guild_id?: Snowflake | null,
  /** The channel, in part. */
  channel?: Channel | null,
  /** The channel's id. */
  channel_id?: Snowflake | null,
  /** Who invoked it, in a guild. */
  member?: Member | null,
  /** Who invoked it, elsewhere. */
  user?: User | null,
  /** The message of the component; for modals, of the component that opened it. */
  message?: Message | null,
  /** What the application may do where it comes from. */
  app_permissions?: Permissions | null,
  /** The language of the invoking user. */
  locale?: string | null,
  /** The language of the guild. */
  guild_locale?: string | null,
  /** What the user has bought of the application. */
  entitlements?: Array<Entitlement> | null,
  /** For whom the application is installed: a guild (0 in a direct message with the bot), a user, or both. */
  authorizing_integration_owners?: { [key in Installation]?: Snowflake } | null,
  /** Where it comes from. */
  context?: Context | null,
  /** How many bytes a file of the answer may have. */
  attachment_size_limit?: number | null,
} & Rest;

/** What frames an avatar. */
export type AvatarDecoration = {
  /** The hash of the picture. */
  asset: string,
  /** What was bought to get it. */
  sku_id?: Snowflake | null,
} & Rest;

/** A button, in an action row or beside a section. */
export type Button = {
  /** What it is. */
  type: 2,
  /** How it looks and what it does. */
  style: ButtonStyle,
  /** What the interaction tells it by, 1 to 100 characters; not on link and premium buttons. */
  custom_id?: string | null,
  /** What a premium button sells. */
  sku_id?: Snowflake | null,
  /** Where a link button leads, at most 512 characters. */
  url?: string | null,
  /** The text, at most 80 characters; not on premium buttons. */
  label?: string | null,
  /** The emoji; not on premium buttons. */
  emoji?: Emoji | null,
  /** The component's number in its message. */
  id?: number | null,
  /** Whether it can't be pressed. */
  disabled?: boolean | null,
} & Rest;

/** How a button looks and what it does. */
export type ButtonStyle =
  | 1 // The main action.
  | 2 // Another action.
  | 3 // An action that completes something.
  | 4 // An action that can't be taken back.
  | 5 // Opens an address; makes no interaction.
  | 6 // Buys something; makes no interaction.
  | (number & {});

/** A call. */
export type Call = {
  /** Who took part. */
  participants: Array<Snowflake>,
  /** When it ended, ISO 8601. */
  ended_timestamp?: string | null,
} & Rest;

/** A channel or thread (documentation: channel resource, channel object); in interactions often in part. */
export type Channel = {
  /** The channel's id. */
  id: Snowflake,
  /** What the channel is. */
  type: ChannelKind,
  /** The guild it is in. */
  guild_id?: Snowflake | null,
  /** The place among the channels. */
  position?: number | null,
  /** Who may do what here. */
  permission_overwrites?: Array<Overwrite> | null,
  /** The name. */
  name?: string | null,
  /** What it is about. */
  topic?: string | null,
  /** Whether it is age restricted. */
  nsfw?: boolean | null,
  /** The last message, or thread of a forum. */
  last_message_id?: Snowflake | null,
  /** Bits a second of a voice channel. */
  bitrate?: number | null,
  /** How many users a voice channel takes. */
  user_limit?: number | null,
  /** Seconds between two messages of one user. */
  rate_limit_per_user?: number | null,
  /** The users of a direct message. */
  recipients?: Array<User> | null,
  /** The hash of a group's icon. */
  icon?: string | null,
  /** Who made the group or thread. */
  owner_id?: Snowflake | null,
  /** The application that made the group. */
  application_id?: Snowflake | null,
  /** Whether an application manages the group. */
  managed?: boolean | null,
  /** The category of a channel, or the channel of a thread. */
  parent_id?: Snowflake | null,
  /** When a message was pinned last, ISO 8601. */
  last_pin_timestamp?: string | null,
  /** The region of a voice channel. */
  rtc_region?: string | null,
  /** How good a voice channel's video is. */
  video_quality_mode?: number | null,
  /** About how many messages a thread has. */
  message_count?: number | null,
  /** About how many members a thread has. */
  member_count?: number | null,
  /** What is said of a thread only. */
  thread_metadata?: ThreadMetadata | null,
  /** The current user's place in a thread. */
  member?: ThreadMember | null,
  /** Minutes of silence before a new thread is archived. */
  default_auto_archive_duration?: number | null,
  /** What the invoking user may do here. */
  permissions?: Permissions | null,
  /** What the application may do here. */
  app_permissions?: Permissions | null,
  /** The channel's flags, as bits. */
  flags?: number | null,
  /** How many messages a thread ever had. */
  total_message_sent?: number | null,
  /** The tags of a forum. */
  available_tags?: Array<ForumTag> | null,
  /** The tags of a forum's thread. */
  applied_tags?: Array<Snowflake> | null,
  /** The emoji of a forum's reaction button. */
  default_reaction_emoji?: DefaultReaction | null,
  /** Seconds between two messages of one user in new threads. */
  default_thread_rate_limit_per_user?: number | null,
  /** How a forum sorts. */
  default_sort_order?: number | null,
  /** How a forum looks. */
  default_forum_layout?: number | null,
} & Rest;

/** What a channel is. */
export type ChannelKind =
  | 0 // Text in a guild.
  | 1 // Between two users.
  | 2 // Voice in a guild.
  | 3 // Between several users.
  | 4 // A heading that holds channels.
  | 5 // Messages that other guilds can follow.
  | 10 // A thread in an announcement channel.
  | 11 // A thread that all see.
  | 12 // A thread of those who were invited.
  | 13 // A stage.
  | 14 // A directory of guilds.
  | 15 // A channel of threads only.
  | 16 // A channel of threads with media.
  | (number & {});

/** A channel that a message mentions. */
export type ChannelMention = {
  /** The channel. */
  id: Snowflake,
  /** Its guild. */
  guild_id: Snowflake,
  /** What it is. */
  type: ChannelKind,
  /** Its name. */
  name: string,
} & Rest;

/** A menu of channels. */
export type ChannelSelect = {
  /** What it is. */
  type: 8,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** The kinds of channels to offer. */
  channel_types?: Array<ChannelKind> | null,
  /** What it shows while nothing is chosen, at most 150 characters. */
  placeholder?: string | null,
  /** What is chosen to begin with. */
  default_values?: Array<DefaultValue> | null,
  /** The component's number in its message or modal. */
  id?: number | null,
  /** The fewest that must be chosen, at most 25; 1 unless told otherwise. */
  min_values?: number | null,
  /** The most that can be chosen, 1 to 25; 1 unless told otherwise. */
  max_values?: number | null,
  /** Whether something must be chosen, in a modal; it must unless this is false. */
  required?: boolean | null,
  /** Whether nothing can be chosen, in a message. */
  disabled?: boolean | null,
} & Rest;

/** Yes or no. */
export type Checkbox = {
  /** What it is. */
  type: 23,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** The component's number in its modal. */
  id?: number | null,
  /** Whether it is checked to begin with. */
  default?: boolean | null,
} & Rest;

/** Some of several options. */
export type CheckboxGroup = {
  /** What it is. */
  type: 22,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** 1 to 10 options. */
  options: Array<ChoiceOption>,
  /** The component's number in its modal. */
  id?: number | null,
  /** The fewest that must be chosen, at most 10; 1 unless told otherwise. */
  min_values?: number | null,
  /** The most that can be chosen, 1 to 10; all of them unless told otherwise. */
  max_values?: number | null,
  /** Whether something must be chosen; it must unless this is false. */
  required?: boolean | null,
} & Rest;

/** One completion of an option. */
export type Choice = {
  /** What the user sees, 1 to 100 characters. */
  name: string,
  /** What the user sees in other languages. */
  name_localizations?: { [key in string]: string } | null,
  /** What the option becomes. */
  value: ChoiceValue,
};

/** An option of a radio or checkbox group. */
export type ChoiceOption = {
  /** What the interaction tells it by, at most 100 characters. */
  value: string,
  /** What the user sees, at most 100 characters. */
  label: string,
  /** What the user sees below, at most 100 characters. */
  description?: string | null,
  /** Whether it is chosen to begin with. */
  default?: boolean | null,
} & Rest;

/** What an option becomes. */
export type ChoiceValue = string | number;

/** Completes the option that the user is typing: at most 25 choices. */
export type Choices = { choices: Array<Choice>,
};

/** What a user collected. */
export type Collectibles = {
  /** What stands behind the name in lists. */
  nameplate?: Nameplate | null,
} & Rest;

/**
 * The data of an application command, and of the autocompletion of one of its options (documentation:
 * application command data structure).
 */
export type CommandData = {
  /** The command's id. */
  id: Snowflake,
  /** The command's name. */
  name: string,
  /** What the command is. */
  type: CommandKind,
  /** What the ids in the options stand for. */
  resolved?: Resolved | null,
  /** The options; while one of them is being typed, not all are there. */
  options?: Array<CommandOption> | null,
  /** The guild that the command belongs to, if not to all. */
  guild_id?: Snowflake | null,
  /** The user or message that the command was run on. */
  target_id?: Snowflake | null,
} & Rest;

/** What a command is. */
export type CommandKind =
  | 1 // A slash command.
  | 2 // A command on a user.
  | 3 // A command on a message.
  | 4 // What opens an application's activity.
  | (number & {});

/** An option that the user filled in, told apart by `type`; what is being typed may be text, whatever the type. */
export type CommandOption = {
    /** The option's name. */
    name: string,
} & (
  | { type: 1 | 2, options?: Array<CommandOption> | null }
  | { type: 3, value: string, focused?: boolean | null }
  | { type: 4 | 10, value: number, focused?: false | null }
  | { type: 4 | 10, value: string | number, focused: true }
  | { type: 5, value: boolean, focused?: false | null }
  | { type: 6 | 7 | 8 | 9 | 11, value: Snowflake, focused?: false | null }
) & Rest;

/** A component as it stands in a message or a modal (documentation: component reference). */
export type Component =
  | ActionRow
  | Button
  | StringSelect
  | TextInput
  | UserSelect
  | RoleSelect
  | MentionableSelect
  | ChannelSelect
  | Section
  | TextDisplay
  | Thumbnail
  | MediaGallery
  | FileDisplay
  | Separator
  | Container
  | Label
  | FileUpload
  | RadioGroup
  | CheckboxGroup
  | Checkbox;

/** The data of a component interaction (documentation: message component data structure). */
export type ComponentData = {
  /** What the component is told by. */
  custom_id: string,
  /** What the component is. */
  component_type: ComponentKind,
  /** The component's number in its message. */
  id?: number | null,
  /** What was chosen; always there for select menus. */
  values?: Array<SelectValue> | null,
  /** What the ids among the values stand for. */
  resolved?: Resolved | null,
} & Rest;

/** What a component is. */
export type ComponentKind =
  | 1 // A row of buttons, or one select menu.
  | 2 // A button.
  | 3 // A menu of given options.
  | 4 // A text field.
  | 5 // A menu of users.
  | 6 // A menu of roles.
  | 7 // A menu of users and roles.
  | 8 // A menu of channels.
  | 9 // Text with something beside it.
  | 10 // Text.
  | 11 // A small picture.
  | 12 // Pictures and videos.
  | 13 // An attached file.
  | 14 // A gap, with or without a line.
  | 17 // A box around components.
  | 18 // A text with the input that it is for.
  | 19 // A field for files.
  | 21 // One of several options.
  | 22 // Some of several options.
  | 23 // Yes or no.
  | (number & {});

/** A box around components. */
export type Container = {
  /** What it is. */
  type: 17,
  /** The components. */
  components: Array<Component>,
  /** The component's number in its message. */
  id?: number | null,
  /** The color of the edge. */
  accent_color?: number | null,
  /** Whether it is hidden until clicked. */
  spoiler?: boolean | null,
} & Rest;

/** Where an interaction comes from. */
export type Context =
  | 0 // A guild.
  | 1 // A direct message with the application's bot.
  | 2 // Another direct message or a group.
  | (number & {});

/** What a default value of a menu is. */
export type DefaultKind =
  | "user" // A user.
  | "role" // A role.
  | "channel" // A channel.
  | (string & {});

/** The emoji of a forum's reaction button. */
export type DefaultReaction = {
  /** A custom emoji. */
  emoji_id?: Snowflake | null,
  /** A Unicode emoji. */
  emoji_name?: string | null,
} & Rest;

/** Something that is chosen to begin with. */
export type DefaultValue = {
  /** The user, role or channel. */
  id: Snowflake,
  /** Which of these it is. */
  type: DefaultKind,
} & Rest;

/** An embed: a card under a message (documentation: message resource, embed object). */
export type Embed = {
  /** What the embed is; "rich" for those that are sent. */
  type?: string | null,
  /** A video, in embeds that the platform made. */
  video?: EmbedMedia | null,
  /** Who provides it, in embeds that the platform made. */
  provider?: EmbedProvider | null,
  /** The embed's flags, as bits. */
  flags?: number | null,
  /** The title, at most 256 characters. */
  title?: string | null,
  /** The text, at most 4,096 characters. */
  description?: string | null,
  /** Where the title links to. */
  url?: string | null,
  /** A time to show, ISO 8601. */
  timestamp?: string | null,
  /** What stands at the foot. */
  footer?: EmbedFooter | null,
  /** A picture. */
  image?: EmbedMedia | null,
  /** A small picture. */
  thumbnail?: EmbedMedia | null,
  /** Who says it. */
  author?: EmbedAuthor | null,
  /** At most 25 fields. */
  fields?: Array<EmbedField> | null,
  /** The color of the edge. */
  color?: number | null,
} & Rest;

/** Who says what an embed says. */
export type EmbedAuthor = {
  /** The name, at most 256 characters. */
  name: string,
  /** The icon, through the platform's proxy. */
  proxy_icon_url?: string | null,
  /** Where the name links to. */
  url?: string | null,
  /** The icon: an http(s) address or `attachment://name`. */
  icon_url?: string | null,
} & Rest;

/** A field of an embed. */
export type EmbedField = {
  /** The heading, at most 256 characters. */
  name: string,
  /** The text, at most 1,024 characters. */
  value: string,
  /** Whether it stands beside its neighbors. */
  inline?: boolean | null,
} & Rest;

/** What stands at the foot of an embed. */
export type EmbedFooter = {
  /** The text, at most 2,048 characters. */
  text: string,
  /** The icon, through the platform's proxy. */
  proxy_icon_url?: string | null,
  /** The icon: an http(s) address or `attachment://name`. */
  icon_url?: string | null,
} & Rest;

/** A picture or video of an embed. */
export type EmbedMedia = {
  /** Where it is, through the platform's proxy. */
  proxy_url?: string | null,
  /** Pixels from top to bottom. */
  height?: number | null,
  /** Pixels from side to side. */
  width?: number | null,
  /** The media type. */
  content_type?: string | null,
  /** A thumbhash. */
  placeholder?: string | null,
  /** The version of `placeholder`. */
  placeholder_version?: number | null,
  /** The medium's flags, as bits. */
  flags?: number | null,
  /** What it shows, for those who can't see it. */
  description?: string | null,
  /** Where it is: an http(s) address or `attachment://name`. */
  url?: string | null,
} & Rest;

/** Who provides what an embed shows. */
export type EmbedProvider = {
  /** The name. */
  name?: string | null,
  /** Where the name links to. */
  url?: string | null,
} & Rest;

/** An emoji, often only `id`, `name` and `animated` (documentation: emoji resource, emoji object). */
export type Emoji = {
  /** The roles that may use it. */
  roles?: Array<Snowflake> | null,
  /** Who made it. */
  user?: User | null,
  /** Whether it must stand between colons. */
  require_colons?: boolean | null,
  /** Whether an integration manages it. */
  managed?: boolean | null,
  /** Whether it can be used now. */
  available?: boolean | null,
  /** The id of a custom emoji; null for a Unicode one. */
  id?: Snowflake | null,
  /** The name, or the Unicode emoji itself. */
  name?: string | null,
  /** Whether it moves. */
  animated?: boolean | null,
} & Rest;

/** What a user or guild has bought of an application (documentation: entitlement resource). */
export type Entitlement = {
  /** The entitlement's id. */
  id: Snowflake,
  /** What was bought. */
  sku_id: Snowflake,
  /** The application. */
  application_id?: Snowflake | null,
  /** The user who has it. */
  user_id?: Snowflake | null,
  /** The guild that has it. */
  guild_id?: Snowflake | null,
  /** How it came about. */
  type?: EntitlementKind | null,
  /** Whether it is gone. */
  deleted?: boolean | null,
  /** From when it holds, ISO 8601. */
  starts_at?: string | null,
  /** Until when it holds, ISO 8601. */
  ends_at?: string | null,
  /** Whether it was used up. */
  consumed?: boolean | null,
} & Rest;

/** How an entitlement came about. */
export type EntitlementKind =
  | 1 // Bought by the user.
  | 2 // Comes with the platform's subscription.
  | 3 // Given by the developer.
  | 4 // Bought by a developer as a test.
  | 5 // Taken while it was free.
  | 6 // Given by another user.
  | 7 // Taken for free by a subscriber of the platform.
  | 8 // Bought as a subscription to the application.
  | (number & {});

/** A file of the answer, shown. */
export type FileDisplay = {
  /** What it is. */
  type: 13,
  /** The file: only `attachment://name`. */
  file: MediaItem,
  /** The file's name, as the platform says it. */
  name?: string | null,
  /** Bytes, as the platform says it. */
  size?: number | null,
  /** The component's number in its message. */
  id?: number | null,
  /** Whether it is hidden until clicked. */
  spoiler?: boolean | null,
} & Rest;

/** A field for files. */
export type FileUpload = {
  /** What it is. */
  type: 19,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** The component's number in its modal. */
  id?: number | null,
  /** The fewest files, at most 10; 1 unless told otherwise. */
  min_values?: number | null,
  /** The most files, 1 to 10; 1 unless told otherwise. */
  max_values?: number | null,
  /** Whether there must be files; there must unless this is false. */
  required?: boolean | null,
} & Rest;

/** A tag of a forum. */
export type ForumTag = {
  /** The tag's id. */
  id: Snowflake,
  /** The tag's name. */
  name: string,
  /** Whether only moderators set it. */
  moderated?: boolean | null,
  /** A custom emoji. */
  emoji_id?: Snowflake | null,
  /** A Unicode emoji. */
  emoji_name?: string | null,
} & Rest;

/** A picture or video of a gallery. */
export type GalleryItem = {
  /** The picture or video. */
  media: MediaItem,
  /** What it shows, for those who can't see it, at most 1,024 characters. */
  description?: string | null,
  /** Whether it is hidden until clicked. */
  spoiler?: boolean | null,
} & Rest;

/** A guild, in part (documentation: guild resource, guild object); everything else of it stands in `rest`. */
export type Guild = {
  /** The guild's id. */
  id: Snowflake,
  /** The guild's name. */
  name?: string | null,
  /** The hash of the icon. */
  icon?: string | null,
  /** The guild's language, under the name that interactions give it. */
  locale?: string | null,
  /** The guild's language, under the name that guild objects give it. */
  preferred_locale?: string | null,
  /** The features that the guild has. */
  features?: Array<string> | null,
  /** The user who owns the guild. */
  owner_id?: Snowflake | null,
} & Rest;

/** For whom an application is installed. */
export type Installation =
  | 0 // A guild.
  | 1 // A user.
  | (number & {});

/** What an interaction is. */
export type InteractionKind =
  | 1 // The platform asks whether the endpoint is there.
  | 2 // A user ran a command.
  | 3 // A user used a component of a message.
  | 4 // A user types into an option of a command.
  | 5 // A user submitted a modal.
  | (number & {});

/** The interaction that a message comes from (documentation: message interaction metadata object). */
export type InteractionMetadata = {
  /** The interaction's id. */
  id: Snowflake,
  /** Its kind. */
  type: InteractionKind,
  /** Who invoked it. */
  user?: User | null,
  /** For whom the application is installed. */
  authorizing_integration_owners?: { [key in Installation]?: Snowflake } | null,
  /** The first answer; in follow-ups. */
  original_response_message_id?: Snowflake | null,
  /** The user that a command was run on. */
  target_user?: User | null,
  /** The message that a command was run on. */
  target_message_id?: Snowflake | null,
  /** The message whose component was used. */
  interacted_message_id?: Snowflake | null,
  /** The interaction that opened the modal. */
  triggering_interaction_metadata?: InteractionMetadata | null,
} & Rest;

/** A text with the input that it is for, in a modal. */
export type Label = {
  /** What it is. */
  type: 18,
  /** The text, at most 45 characters. */
  label: string,
  /** The input. */
  component: Component,
  /** A smaller text, at most 100 characters. */
  description?: string | null,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** One to ten pictures and videos. */
export type MediaGallery = {
  /** What it is. */
  type: 12,
  /** The pictures and videos. */
  items: Array<GalleryItem>,
  /** The component's number in its message. */
  id?: number | null,
} & Rest;

/** A picture, video or file (documentation: unfurled media item). Only `url` is sent; the platform adds the rest. */
export type MediaItem = {
  /** Where it is: an http(s) address, or `attachment://name` for a file of the answer. */
  url: string,
  /** Where it is, through the platform's proxy. */
  proxy_url?: string | null,
  /** Pixels from top to bottom. */
  height?: number | null,
  /** Pixels from side to side. */
  width?: number | null,
  /** A thumbhash. */
  placeholder?: string | null,
  /** The version of `placeholder`. */
  placeholder_version?: number | null,
  /** The media type. */
  content_type?: string | null,
  /** The medium's flags, as bits. */
  flags?: number | null,
  /** The attachment that it is. */
  attachment_id?: Snowflake | null,
} & Rest;

/** A user in a guild, often without the user itself (documentation: guild resource, guild member object). */
export type Member = {
  /** The user; absent where it stands elsewhere. */
  user?: User | null,
  /** The name in this guild. */
  nick?: string | null,
  /** The hash of the avatar in this guild. */
  avatar?: string | null,
  /** The hash of the banner in this guild. */
  banner?: string | null,
  /** The member's roles. */
  roles?: Array<Snowflake> | null,
  /** When the user joined, ISO 8601. */
  joined_at?: string | null,
  /** Since when the user boosts the guild, ISO 8601. */
  premium_since?: string | null,
  /** Whether the member hears nothing in voice channels. */
  deaf?: boolean | null,
  /** Whether the member can't be heard in voice channels. */
  mute?: boolean | null,
  /** The member's flags, as bits. */
  flags?: number | null,
  /** Whether the member has still to pass the guild's screening. */
  pending?: boolean | null,
  /** The member's permissions in the channel of the interaction, overwrites included. */
  permissions?: Permissions | null,
  /** When the member's timeout ends, ISO 8601. */
  communication_disabled_until?: string | null,
  /** What frames the avatar in this guild. */
  avatar_decoration_data?: AvatarDecoration | null,
  /** What the member shows of what it collected. */
  collectibles?: Collectibles | null,
} & Rest;

/** A kind of mention. */
export type MentionKind =
  | "roles" // Roles.
  | "users" // Users.
  | "everyone" // Everyone, and everyone here.
  | (string & {});

/** A menu of users and roles. */
export type MentionableSelect = {
  /** What it is. */
  type: 7,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** What it shows while nothing is chosen, at most 150 characters. */
  placeholder?: string | null,
  /** What is chosen to begin with. */
  default_values?: Array<DefaultValue> | null,
  /** The component's number in its message or modal. */
  id?: number | null,
  /** The fewest that must be chosen, at most 25; 1 unless told otherwise. */
  min_values?: number | null,
  /** The most that can be chosen, 1 to 25; 1 unless told otherwise. */
  max_values?: number | null,
  /** Whether something must be chosen, in a modal; it must unless this is false. */
  required?: boolean | null,
  /** Whether nothing can be chosen, in a message. */
  disabled?: boolean | null,
} & Rest;

/** A message, in interactions sometimes in part (documentation: message resource, message object). */
export type Message = {
  /** The message's id. */
  id: Snowflake,
  /** The channel it is in. */
  channel_id?: Snowflake | null,
  /** Who wrote it. */
  author?: User | null,
  /** The text. */
  content?: string | null,
  /** When it was sent, ISO 8601. */
  timestamp?: string | null,
  /** When it was changed last, ISO 8601. */
  edited_timestamp?: string | null,
  /** Whether it is to be read aloud. */
  tts?: boolean | null,
  /** Whether it mentions everyone. */
  mention_everyone?: boolean | null,
  /** The users that it mentions. */
  mentions?: Array<User> | null,
  /** The roles that it mentions. */
  mention_roles?: Array<Snowflake> | null,
  /** The channels that it mentions. */
  mention_channels?: Array<ChannelMention> | null,
  /** The attached files. */
  attachments?: Array<Attachment> | null,
  /** The embeds. */
  embeds?: Array<Embed> | null,
  /** The reactions. */
  reactions?: Array<Reaction> | null,
  /** What the sender marked it with: a string or a number. */
  nonce?: JsonValue | null,
  /** Whether it is pinned. */
  pinned?: boolean | null,
  /** The webhook that sent it. */
  webhook_id?: Snowflake | null,
  /** What it is. */
  type?: MessageKind | null,
  /** What it invites to do together. */
  activity?: { [key in string]: JsonValue } | null,
  /** The application of `activity`. */
  application?: { [key in string]: JsonValue } | null,
  /** The application whose interaction it answers. */
  application_id?: Snowflake | null,
  /** The flags. */
  flags?: MessageFlags | null,
  /** The message that it is about. */
  message_reference?: MessageReference | null,
  /** What was forwarded. */
  message_snapshots?: Array<MessageSnapshot> | null,
  /** The message that it replies to; null if that was deleted. */
  referenced_message?: Message | null,
  /** The interaction that it comes from. */
  interaction_metadata?: InteractionMetadata | null,
  /** The interaction that it answers; deprecated. */
  interaction?: MessageInteraction | null,
  /** The thread that starts here. */
  thread?: Channel | null,
  /** The components. */
  components?: Array<Component> | null,
  /** The stickers. */
  sticker_items?: Array<StickerItem> | null,
  /** The whole stickers; deprecated. */
  stickers?: Array<Sticker> | null,
  /** About where it stands in its thread. */
  position?: number | null,
  /** The role that was bought. */
  role_subscription_data?: RoleSubscription | null,
  /** What the ids in its select menus stand for. */
  resolved?: Resolved | null,
  /** The poll. */
  poll?: Poll | null,
  /** The call. */
  call?: Call | null,
  /** The theme that it shares. */
  shared_client_theme?: SharedTheme | null,
} & Rest;

/** A user used a component of a message. */
export type MessageComponentInteraction = {
  /** The interaction's id. */
  id: Snowflake,
  /** The application that it is for. */
  application_id: Snowflake,
  /** What it is. */
  type: 3,
  /** What the user did. */
  data: ComponentData,
  /** What answers by callback and follow-ups show, for 15 minutes. */
  token: string,
  /** Always 1. */
  version?: number | null,
  /** The guild, in part. */
  guild?: Guild | null,
  /** The guild's id. */
  guild_id?: Snowflake | null,
  /** The channel, in part. */
  channel?: Channel | null,
  /** The channel's id. */
  channel_id?: Snowflake | null,
  /** Who invoked it, in a guild. */
  member?: Member | null,
  /** Who invoked it, elsewhere. */
  user?: User | null,
  /** The message of the component; for modals, of the component that opened it. */
  message?: Message | null,
  /** What the application may do where it comes from. */
  app_permissions?: Permissions | null,
  /** The language of the invoking user. */
  locale?: string | null,
  /** The language of the guild. */
  guild_locale?: string | null,
  /** What the user has bought of the application. */
  entitlements?: Array<Entitlement> | null,
  /** For whom the application is installed: a guild (0 in a direct message with the bot), a user, or both. */
  authorizing_integration_owners?: { [key in Installation]?: Snowflake } | null,
  /** Where it comes from. */
  context?: Context | null,
  /** How many bytes a file of the answer may have. */
  attachment_size_limit?: number | null,
} & Rest;

/** The fields that new messages and changes of messages share. */
export type MessageFields = { tts?: boolean | null, content?: string | null, embeds?: Array<Embed> | null, allowed_mentions?: AllowedMentions | null, flags?: MessageFlags | null, components?: Array<Component> | null, attachments?: Array<{ id: number | string, filename?: string, description?: string } & Rest> | null, poll?: Poll | null,
};

/** The flags of a message, as bits. */
export type MessageFlags = number;

/** The interaction that a message answers (documentation: message interaction object; deprecated). */
export type MessageInteraction = {
  /** The interaction's id. */
  id: Snowflake,
  /** Its kind. */
  type: InteractionKind,
  /** The command's name. */
  name: string,
  /** Who invoked it. */
  user?: User | null,
  /** Who invoked it, in the guild. */
  member?: Member | null,
} & Rest;

/** What a message is. */
export type MessageKind =
  | 0 // What somebody wrote.
  | 1 // A user was added to a group.
  | 2 // A user left a group.
  | 3 // A call.
  | 4 // A group has a new name.
  | 5 // A group has a new icon.
  | 6 // A message was pinned.
  | 7 // A user joined the guild.
  | 8 // The guild was boosted.
  | 9 // The guild reached its first tier.
  | 10 // The guild reached its second tier.
  | 11 // The guild reached its third tier.
  | 12 // An announcement channel is followed.
  | 18 // A thread was made.
  | 19 // A reply.
  | 20 // The answer to a slash command.
  | 21 // The first message of a thread.
  | 23 // The answer to a user or message command.
  | 24 // What the automatic moderation did.
  | 25 // A role was bought.
  | 44 // Something was bought of an application.
  | 46 // A poll's result.
  | (number & {});

/** The message that a message is about. */
export type MessageReference = {
  /** 0 for a reply, 1 for a forward. */
  type?: number | null,
  /** The message. */
  message_id?: Snowflake | null,
  /** Its channel. */
  channel_id?: Snowflake | null,
  /** Its guild. */
  guild_id?: Snowflake | null,
  /** Whether it is an error that the message does not exist. */
  fail_if_not_exists?: boolean | null,
} & Rest;

/** A message as it was when it was forwarded. */
export type MessageSnapshot = {
  /** The message, in part, without its id. */
  message: { [key in string]: JsonValue },
} & Rest;

/**
 * Opens a modal: 1 to 5 labels with inputs, and texts.
 *
 * ```
 * use sanmon_core::interaction::kind::ApplicationCommand;
 * use sanmon_core::interaction::model::{Label, TextInput};
 * use sanmon_core::interaction::response::{Modal, Response};
 *
 * let modal = Modal::new("report", "What is wrong?").with(Label::new("Tell us", TextInput::paragraph("what")));
 * Response::<ApplicationCommand>::new(modal)?;
 * # Ok::<(), sanmon_core::interaction::response::InvalidAnswer>(())
 * ```
 *
 * A modal does not answer a modal:
 *
 * ```compile_fail,E0277
 * # use sanmon_core::interaction::response::{Modal, Response};
 * Response::<sanmon_core::interaction::kind::ModalSubmit>::new(Modal::new("report", "What is wrong?"));
 * ```
 *
 * And what stands in messages alone does not stand in one:
 *
 * ```compile_fail,E0277
 * # use sanmon_core::interaction::{model::Separator, response::Modal};
 * Modal::new("report", "What is wrong?").with(Separator::new());
 * ```
 */
export type Modal = { custom_id: string, title: string, components: Array<Component>,
};

/** The data of a modal submit (documentation: modal submit data structure). */
export type ModalData = {
  /** What the modal is told by. */
  custom_id: string,
  /** What was filled in. */
  components: Array<Submitted>,
  /** What the ids among the values stand for. */
  resolved?: Resolved | null,
} & Rest;

/** A user submitted a modal. */
export type ModalSubmitInteraction = {
  /** The interaction's id. */
  id: Snowflake,
  /** The application that it is for. */
  application_id: Snowflake,
  /** What it is. */
  type: 5,
  /** What the user did. */
  data: ModalData,
  /** What answers by callback and follow-ups show, for 15 minutes. */
  token: string,
  /** Always 1. */
  version?: number | null,
  /** The guild, in part. */
  guild?: Guild | null,
  /** The guild's id. */
  guild_id?: Snowflake | null,
  /** The channel, in part. */
  channel?: Channel | null,
  /** The channel's id. */
  channel_id?: Snowflake | null,
  /** Who invoked it, in a guild. */
  member?: Member | null,
  /** Who invoked it, elsewhere. */
  user?: User | null,
  /** The message of the component; for modals, of the component that opened it. */
  message?: Message | null,
  /** What the application may do where it comes from. */
  app_permissions?: Permissions | null,
  /** The language of the invoking user. */
  locale?: string | null,
  /** The language of the guild. */
  guild_locale?: string | null,
  /** What the user has bought of the application. */
  entitlements?: Array<Entitlement> | null,
  /** For whom the application is installed: a guild (0 in a direct message with the bot), a user, or both. */
  authorizing_integration_owners?: { [key in Installation]?: Snowflake } | null,
  /** Where it comes from. */
  context?: Context | null,
  /** How many bytes a file of the answer may have. */
  attachment_size_limit?: number | null,
} & Rest;

/** What stands behind a name in lists. */
export type Nameplate = {
  /** What was bought to get it. */
  sku_id: Snowflake,
  /** The path of the picture. */
  asset: string,
  /** A label for those who can't see it. */
  label?: string | null,
  /** The name of its colors. */
  palette?: string | null,
} & Rest;

/** What one role or member may and may not do in a channel. */
export type Overwrite = {
  /** The role or user. */
  id: Snowflake,
  /** 0 for a role, 1 for a member. */
  type: number,
  /** What is granted. */
  allow: Permissions,
  /** What is denied. */
  deny: Permissions,
} & Rest;

/**
 * A set of permissions: one bit each, as a decimal string on the wire.
 *
 * Twice as wide as today's platform needs, so that bits to come survive.
 */
export type Permissions = string;

/** A poll, as messages carry it and as answers ask for it (documentation: poll resource). */
export type Poll = {
  /** The question; its text at most 300 characters. */
  question: PollMedia,
  /** At most 10 answers; their texts at most 55 characters. */
  answers: Array<PollAnswer>,
  /** When the poll ends, ISO 8601; in a poll that is there. */
  expiry?: string | null,
  /** The counts; in a poll that is there. */
  results?: PollResults | null,
  /** How many hours it stays open, at most 768; in a poll that is asked for. */
  duration?: number | null,
  /** Whether several answers can be chosen. */
  allow_multiselect?: boolean | null,
  /** How it looks. */
  layout_type?: number | null,
} & Rest;

/** One answer of a poll. */
export type PollAnswer = {
  /** What it says. */
  poll_media: PollMedia,
  /** The answer's number; in a poll that is there. */
  answer_id?: number | null,
} & Rest;

/** The count of one answer. */
export type PollAnswerCount = {
  /** The answer's number. */
  id: number,
  /** How many chose it. */
  count: number,
  /** Whether the current user did. */
  me_voted: boolean,
} & Rest;

/** A question or an answer: text with or without an emoji. */
export type PollMedia = {
  /** The text. */
  text?: string | null,
  /** The emoji. */
  emoji?: Emoji | null,
} & Rest;

/** The counts of a poll. */
export type PollResults = {
  /** Whether the votes were counted exactly. */
  is_finalized: boolean,
  /** The count of each answer that has one. */
  answer_counts: Array<PollAnswerCount>,
} & Rest;

/** The guild whose tag a user wears. */
export type PrimaryGuild = {
  /** The guild. */
  identity_guild_id?: Snowflake | null,
  /** Whether the tag is shown. */
  identity_enabled?: boolean | null,
  /** The tag, at most four characters. */
  tag?: string | null,
  /** The hash of the badge. */
  badge?: string | null,
} & Rest;

/** Exactly one of several options. */
export type RadioGroup = {
  /** What it is. */
  type: 21,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** 2 to 10 options. */
  options: Array<ChoiceOption>,
  /** The component's number in its modal. */
  id?: number | null,
  /** Whether one must be chosen; it must unless this is false. */
  required?: boolean | null,
} & Rest;

/** A reaction and how many there are. */
export type Reaction = {
  /** The emoji. */
  emoji: Emoji,
  /** How many, bursts included. */
  count?: number | null,
  /** How many of each sort. */
  count_details?: ReactionCounts | null,
  /** Whether the current user reacted. */
  me?: boolean | null,
  /** Whether the current user reacted with a burst. */
  me_burst?: boolean | null,
  /** The colors of bursts. */
  burst_colors?: Array<string> | null,
} & Rest;

/** How many reactions there are of each sort. */
export type ReactionCounts = {
  /** Bursts. */
  burst: number,
  /** Others. */
  normal: number,
} & Rest;

/** What the ids in an interaction's data stand for (documentation: resolved data structure). */
export type Resolved = {
  /** The users. */
  users?: { [key in Snowflake]: User } | null,
  /** The members, each without its user, which stands in `users`. */
  members?: { [key in Snowflake]: Member } | null,
  /** The roles. */
  roles?: { [key in Snowflake]: Role } | null,
  /** The channels, in part. */
  channels?: { [key in Snowflake]: Channel } | null,
  /** The messages, in part. */
  messages?: { [key in Snowflake]: Message } | null,
  /** The attachments. */
  attachments?: { [key in Snowflake]: Attachment } | null,
} & Rest;

/** A role of a guild (documentation: permissions, role object). */
export type Role = {
  /** The role's id. */
  id: Snowflake,
  /** The role's name. */
  name: string,
  /** The color, the first of `colors`. */
  color?: number | null,
  /** The colors. */
  colors?: RoleColors | null,
  /** Whether its members stand apart in the list of members. */
  hoist?: boolean | null,
  /** The hash of the icon. */
  icon?: string | null,
  /** The emoji that serves as icon. */
  unicode_emoji?: string | null,
  /** What the role is for. */
  description?: string | null,
  /** The place among the roles; roles of one place sort by id. */
  position?: number | null,
  /** What its members may do. */
  permissions?: Permissions | null,
  /** Whether an integration manages it. */
  managed?: boolean | null,
  /** Whether it may be mentioned. */
  mentionable?: boolean | null,
  /** What the role belongs to. */
  tags?: RoleTags | null,
  /** The role's flags, as bits. */
  flags?: number | null,
} & Rest;

/** The colors of a role. */
export type RoleColors = {
  /** The first color. */
  primary_color: number,
  /** The second color of a gradient. */
  secondary_color?: number | null,
  /** The third color of a gradient. */
  tertiary_color?: number | null,
} & Rest;

/** A menu of roles. */
export type RoleSelect = {
  /** What it is. */
  type: 6,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** What it shows while nothing is chosen, at most 150 characters. */
  placeholder?: string | null,
  /** What is chosen to begin with. */
  default_values?: Array<DefaultValue> | null,
  /** The component's number in its message or modal. */
  id?: number | null,
  /** The fewest that must be chosen, at most 25; 1 unless told otherwise. */
  min_values?: number | null,
  /** The most that can be chosen, 1 to 25; 1 unless told otherwise. */
  max_values?: number | null,
  /** Whether something must be chosen, in a modal; it must unless this is false. */
  required?: boolean | null,
  /** Whether nothing can be chosen, in a message. */
  disabled?: boolean | null,
} & Rest;

/** The role that was bought. */
export type RoleSubscription = {
  /** What was subscribed to. */
  role_subscription_listing_id: Snowflake,
  /** The tier's name. */
  tier_name?: string | null,
  /** For how many months by now. */
  total_months_subscribed?: number | null,
  /** Whether it goes on or is new. */
  is_renewal?: boolean | null,
} & Rest;

/** What a role belongs to. The platform writes "true" as null and "false" as absent here. */
export type RoleTags = {
  /** The bot that the role belongs to. */
  bot_id?: Snowflake | null,
  /** The integration that the role belongs to. */
  integration_id?: Snowflake | null,
  /** Null when the role is that of the guild's boosters. */
  premium_subscriber?: JsonValue | null,
  /** What is subscribed to for this role. */
  subscription_listing_id?: Snowflake | null,
  /** Null when the role can be bought. */
  available_for_purchase?: JsonValue | null,
  /** Null when the role comes with a linked account. */
  guild_connections?: JsonValue | null,
} & Rest;

/** One to three texts with something beside them. */
export type Section = {
  /** What it is. */
  type: 9,
  /** The texts. */
  components: Array<Component>,
  /** A button or thumbnail. */
  accessory: Component,
  /** The component's number in its message. */
  id?: number | null,
} & Rest;

/** An option of a menu. */
export type SelectOption = {
  /** What the user sees, at most 100 characters. */
  label: string,
  /** What the interaction tells it by, at most 100 characters. */
  value: string,
  /** What the user sees below, at most 100 characters. */
  description?: string | null,
  /** The emoji before it. */
  emoji?: Emoji | null,
  /** Whether it is chosen to begin with. */
  default?: boolean | null,
} & Rest;

/** What was chosen in a menu: an option's value, or the id of a user, role or channel. */
export type SelectValue = string;

/** A gap between components. */
export type Separator = {
  /** What it is. */
  type: 14,
  /** How large it is; small unless told otherwise. */
  spacing?: Spacing | null,
  /** The component's number in its message. */
  id?: number | null,
  /** Whether there is a line; there is unless this is false. */
  divider?: boolean | null,
} & Rest;

/** A theme that a message shares. */
export type SharedTheme = {
  /** At most five colors, hexadecimal. */
  colors: Array<string>,
  /** The direction of the colors, in degrees. */
  gradient_angle?: number | null,
  /** How strong they are, in percent. */
  base_mix?: number | null,
  /** What they lie on. */
  base_theme?: number | null,
} & Rest;

/**
 * An id on the interaction platform: any 64 bit number, 0 included.
 *
 * Unlike `Id` it is always written as a string, as the platform itself does; it is read from a string or a number.
 */
export type Snowflake = string;

/** How large a gap is. */
export type Spacing =
  | 1 // Small.
  | 2 // Large.
  | (number & {});

/** A whole sticker (documentation: sticker resource, sticker object). */
export type Sticker = {
  /** The sticker's id. */
  id: Snowflake,
  /** The sticker's name. */
  name: string,
  /** 1 PNG, 2 APNG, 3 Lottie, 4 GIF. */
  format_type: number,
  /** The pack it comes from. */
  pack_id?: Snowflake | null,
  /** What it shows. */
  description?: string | null,
  /** Words to find it by. */
  tags?: string | null,
  /** 1 for the platform's own, 2 for a guild's. */
  type?: number | null,
  /** Whether it can be used now. */
  available?: boolean | null,
  /** The guild that owns it. */
  guild_id?: Snowflake | null,
  /** Who made it. */
  user?: User | null,
  /** The place in its pack. */
  sort_value?: number | null,
} & Rest;

/** A sticker as messages carry it (documentation: sticker resource, sticker item object). */
export type StickerItem = {
  /** The sticker's id. */
  id: Snowflake,
  /** The sticker's name. */
  name: string,
  /** 1 PNG, 2 APNG, 3 Lottie, 4 GIF. */
  format_type: number,
} & Rest;

/** A menu of given options. */
export type StringSelect = {
  /** What it is. */
  type: 3,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** 1 to 25 options. */
  options?: Array<SelectOption> | null,
  /** What it shows while nothing is chosen, at most 150 characters. */
  placeholder?: string | null,
  /** The component's number in its message or modal. */
  id?: number | null,
  /** The fewest options that must be chosen, at most 25; 1 unless told otherwise. */
  min_values?: number | null,
  /** The most options that can be chosen, 1 to 25; 1 unless told otherwise. */
  max_values?: number | null,
  /** Whether something must be chosen, in a modal; it must unless this is false. */
  required?: boolean | null,
  /** Whether nothing can be chosen, in a message. */
  disabled?: boolean | null,
} & Rest;

/** A component of a submitted modal (documentation: component interaction response structures). */
export type Submitted =
  | SubmittedRow
  | SubmittedStringSelect
  | SubmittedText
  | SubmittedUserSelect
  | SubmittedRoleSelect
  | SubmittedMentionableSelect
  | SubmittedChannelSelect
  | SubmittedDisplay
  | SubmittedLabel
  | SubmittedFileUpload
  | SubmittedRadioGroup
  | SubmittedCheckboxGroup
  | SubmittedCheckbox;

/** A submitted menu of channels. */
export type SubmittedChannelSelect = {
  /** What it is. */
  type: 8,
  /** What the input is told by. */
  custom_id: string,
  /** The chosen channels. */
  values: Array<Snowflake>,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted checkbox. */
export type SubmittedCheckbox = {
  /** What it is. */
  type: 23,
  /** What the input is told by. */
  custom_id: string,
  /** Whether it is checked. */
  value: boolean,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted checkbox group. */
export type SubmittedCheckboxGroup = {
  /** What it is. */
  type: 22,
  /** What the input is told by. */
  custom_id: string,
  /** The values of the chosen options. */
  values: Array<string>,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A text of a submitted modal. */
export type SubmittedDisplay = {
  /** What it is. */
  type: 10,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted field for files. */
export type SubmittedFileUpload = {
  /** What it is. */
  type: 19,
  /** What the input is told by. */
  custom_id: string,
  /** The uploaded files. */
  values: Array<Snowflake>,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted label. */
export type SubmittedLabel = {
  /** What it is. */
  type: 18,
  /** The input in it. */
  component: Submitted,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted menu of users and roles. */
export type SubmittedMentionableSelect = {
  /** What it is. */
  type: 7,
  /** What the input is told by. */
  custom_id: string,
  /** The chosen users and roles. */
  values: Array<Snowflake>,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted radio group. */
export type SubmittedRadioGroup = {
  /** What it is. */
  type: 21,
  /** What the input is told by. */
  custom_id: string,
  /** The component's number in its modal. */
  id?: number | null,
  /** The chosen option; null if there is none. */
  value?: string | null,
} & Rest;

/** A submitted menu of roles. */
export type SubmittedRoleSelect = {
  /** What it is. */
  type: 6,
  /** What the input is told by. */
  custom_id: string,
  /** The chosen roles. */
  values: Array<Snowflake>,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted row; deprecated. */
export type SubmittedRow = {
  /** What it is. */
  type: 1,
  /** The text field in it. */
  components: Array<Submitted>,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted menu of given options. */
export type SubmittedStringSelect = {
  /** What it is. */
  type: 3,
  /** What the input is told by. */
  custom_id: string,
  /** The values of the chosen options. */
  values: Array<string>,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted text field. */
export type SubmittedText = {
  /** What it is. */
  type: 4,
  /** What the input is told by. */
  custom_id: string,
  /** What was written. */
  value: string,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** A submitted menu of users. */
export type SubmittedUserSelect = {
  /** What it is. */
  type: 5,
  /** What the input is told by. */
  custom_id: string,
  /** The chosen users. */
  values: Array<Snowflake>,
  /** The component's number in its modal. */
  id?: number | null,
} & Rest;

/** Text with markdown, in a message, a container, a section or a modal. */
export type TextDisplay = {
  /** What it is. */
  type: 10,
  /** The text. */
  content: string,
  /** The component's number in its message. */
  id?: number | null,
} & Rest;

/** A text field, in a label of a modal. */
export type TextInput = {
  /** What it is. */
  type: 4,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** How large it is. */
  style: TextStyle,
  /** The text beside it; deprecated in favor of the label around it. */
  label?: string | null,
  /** What stands in it to begin with, at most 4,000 characters. */
  value?: string | null,
  /** What it shows while it is empty, at most 100 characters. */
  placeholder?: string | null,
  /** The component's number in its modal. */
  id?: number | null,
  /** The fewest characters that it takes, at most 4,000. */
  min_length?: number | null,
  /** The most characters that it takes, 1 to 4,000. */
  max_length?: number | null,
  /** Whether something must be written; it must unless this is false. */
  required?: boolean | null,
} & Rest;

/** How large a text field is. */
export type TextStyle =
  | 1 // One line.
  | 2 // Several lines.
  | (number & {});

/** A member of a thread. */
export type ThreadMember = {
  /** The thread. */
  id?: Snowflake | null,
  /** The user. */
  user_id?: Snowflake | null,
  /** When the user joined, ISO 8601. */
  join_timestamp?: string | null,
  /** What the user wants to be told of, as bits. */
  flags?: number | null,
  /** The user in the guild. */
  member?: Member | null,
} & Rest;

/** What is said of a thread only. */
export type ThreadMetadata = {
  /** Whether it is archived. */
  archived: boolean,
  /** Minutes of silence before it is archived. */
  auto_archive_duration?: number | null,
  /** When `archived` changed last, ISO 8601. */
  archive_timestamp?: string | null,
  /** Whether only moderators can bring it back. */
  locked?: boolean | null,
  /** Whether members may add others to a private thread. */
  invitable?: boolean | null,
  /** When it was made, ISO 8601. */
  create_timestamp?: string | null,
} & Rest;

/** A small picture beside a section. */
export type Thumbnail = {
  /** What it is. */
  type: 11,
  /** The picture. */
  media: MediaItem,
  /** What it shows, for those who can't see it, at most 1,024 characters. */
  description?: string | null,
  /** The component's number in its message. */
  id?: number | null,
  /** Whether it is hidden until clicked. */
  spoiler?: boolean | null,
} & Rest;

/** A user (documentation: user resource, user object). */
export type User = {
  /** The user's id. */
  id: Snowflake,
  /** The user's name, unique unless there is a discriminator. */
  username: string,
  /** The four digits after the name; "0" for users without. */
  discriminator?: string | null,
  /** The display name. */
  global_name?: string | null,
  /** The hash of the avatar. */
  avatar?: string | null,
  /** Whether the user belongs to an application. */
  bot?: boolean | null,
  /** Whether the user is the platform itself. */
  system?: boolean | null,
  /** Whether the account has two factors. */
  mfa_enabled?: boolean | null,
  /** The hash of the banner. */
  banner?: string | null,
  /** The banner's color. */
  accent_color?: number | null,
  /** The chosen language. */
  locale?: string | null,
  /** Whether the email was verified. */
  verified?: boolean | null,
  /** The email. */
  email?: string | null,
  /** The account's flags, as bits. */
  flags?: number | null,
  /** The kind of premium subscription. */
  premium_type?: number | null,
  /** The flags that all may see, as bits. */
  public_flags?: number | null,
  /** What frames the avatar. */
  avatar_decoration_data?: AvatarDecoration | null,
  /** What the user collected. */
  collectibles?: Collectibles | null,
  /** The guild whose tag the user wears. */
  primary_guild?: PrimaryGuild | null,
} & Rest;

/** A menu of users. */
export type UserSelect = {
  /** What it is. */
  type: 5,
  /** What the interaction tells it by, 1 to 100 characters. */
  custom_id: string,
  /** What it shows while nothing is chosen, at most 150 characters. */
  placeholder?: string | null,
  /** What is chosen to begin with. */
  default_values?: Array<DefaultValue> | null,
  /** The component's number in its message or modal. */
  id?: number | null,
  /** The fewest that must be chosen, at most 25; 1 unless told otherwise. */
  min_values?: number | null,
  /** The most that can be chosen, 1 to 25; 1 unless told otherwise. */
  max_values?: number | null,
  /** Whether something must be chosen, in a modal; it must unless this is false. */
  required?: boolean | null,
  /** Whether nothing can be chosen, in a message. */
  disabled?: boolean | null,
} & Rest;
