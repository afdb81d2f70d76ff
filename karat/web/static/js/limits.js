// Nodes that are drawn: of more nobody would see anything.
export const MOST_DRAWN = 150;
