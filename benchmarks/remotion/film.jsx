// The scene of `make bench-layers`, written for Remotion: zooming photos with cross-fades and captions, and six layers over them.
import React from "react";
import {
  AbsoluteFill,
  continueRender,
  delayRender,
  Easing,
  Img,
  interpolate,
  OffthreadVideo,
  Sequence,
  spring,
  staticFile,
  useCurrentFrame,
  useVideoConfig,
} from "remotion";

// The font of the service, so that both set the same letters.
const loading = delayRender("font");
new FontFace("service", `url(${staticFile("service.ttc")})`, { weight: "100 900" }).load().then((face) => {
  document.fonts.add(face);
  continueRender(loading);
});

const within = { extrapolateLeft: "clamp", extrapolateRight: "clamp" };

/** A photo that zooms, and fades in over the shot before it. */
const Photo = ({ shot }) => {
  const frame = useCurrentFrame();
  const scale = interpolate(frame, [0, shot.frames - 1], [shot.from, shot.to], {
    ...within,
    easing: Easing.inOut(Easing.sin),
  });
  const opacity = shot.overlap ? interpolate(frame, [-1, shot.overlap], [0, 1], within) : 1;
  return (
    <AbsoluteFill style={{ opacity }}>
      <Img
        src={staticFile(shot.picture)}
        style={{ width: "100%", height: "100%", objectFit: "cover", transform: `scale(${scale})` }}
      />
    </AbsoluteFill>
  );
};

const Caption = ({ text, side }) => (
  <AbsoluteFill style={{ justifyContent: "flex-end", alignItems: "center", paddingBottom: 0.07 * side }}>
    <div
      style={{
        font: `600 ${0.05 * side}px service`,
        color: "white",
        textAlign: "center",
        maxWidth: "80%",
        paintOrder: "stroke",
        WebkitTextStroke: `${0.006 * side}px #000000C0`,
      }}
    >
      {text}
    </div>
  </AbsoluteFill>
);

/** A text whose letters slide in one after the other, and which fades out. */
const Letters = ({ text, style, last }) => {
  const frame = useCurrentFrame();
  const { fps } = useVideoConfig();
  const letters = [...text];
  return (
    <div style={{ ...style, opacity: interpolate(frame, [last - fps / 2, last], [1, 0], within) }}>
      {letters.map((letter, index) => {
        const begins = (index / letters.length) * 0.6 * fps;
        const seen = interpolate(frame, [begins, begins + 0.4 * fps], [0, 1], {
          ...within,
          easing: Easing.out(Easing.cubic),
        });
        return (
          <span
            key={index}
            style={{ display: "inline-block", opacity: seen, transform: `translateY(${(1 - seen) * 0.5}em)` }}
          >
            {letter === " " ? "\u00a0" : letter}
          </span>
        );
      })}
    </div>
  );
};

/** A text whose words pop in one after the other. */
const Words = ({ text, style }) => {
  const frame = useCurrentFrame();
  const { fps } = useVideoConfig();
  const words = text.split(" ");
  return (
    <div style={style}>
      {words.map((word, index) => {
        const size = spring({
          frame: frame - (index / words.length) * 0.6 * fps,
          fps,
          config: { damping: 14 },
          durationInFrames: 0.4 * fps,
        });
        return (
          <span
            key={index}
            style={{
              display: "inline-block",
              marginRight: "0.28em",
              opacity: Math.min(1, size * 2),
              transform: `scale(${size})`,
            }}
          >
            {word}
          </span>
        );
      })}
    </div>
  );
};

const Badge = ({ width, height, seconds }) => {
  const frame = useCurrentFrame();
  const { fps } = useVideoConfig();
  const times = [...Array(seconds).keys()].map((second) => second * fps);
  const x = interpolate(
    frame,
    times,
    times.map((_, number) => (number ? 0.12 + 0.04 * (number % 2) : 0.12)),
    within,
  );
  const angle = interpolate(
    frame,
    times,
    times.map((_, number) => (number ? 12 * ((number % 3) - 1) : 0)),
    within,
  );
  const side = 0.16 * height;
  return (
    <div
      style={{
        position: "absolute",
        left: x * width - side / 2,
        top: 0.6 * height - side / 2,
        width: side,
        height: side,
        borderRadius: "50%",
        background: "#E0206B",
        transform: `rotate(${angle}deg)`,
      }}
    />
  );
};

const Layers = ({ layers, width, height, frames, fps }) => {
  const side = Math.min(width, height);
  const place = { position: "absolute", color: "white", whiteSpace: "pre", lineHeight: 1.2, fontFamily: "service" };
  return (
    <>
      <div
        style={{
          position: "absolute",
          top: 0,
          width: "100%",
          height: "30%",
          background: "linear-gradient(180deg, #0B1E3B00, #0B1E3BE6)",
        }}
      />
      <Img
        src={staticFile(layers.logo)}
        style={{ position: "absolute", right: 0.05 * width, top: 0.06 * height, width: 0.1 * width }}
      />
      <OffthreadVideo
        muted
        src={staticFile(layers.clip)}
        style={{
          position: "absolute",
          right: 0.05 * width,
          bottom: 0.3 * height,
          width: 0.3 * width,
          borderRadius: 0.03 * side,
          border: `${0.006 * side}px solid white`,
          boxShadow: `0 ${0.01 * side}px ${0.02 * side}px #00000080`,
        }}
      />
      <Letters
        text={layers.name}
        last={frames}
        style={{ ...place, left: 0.06 * width, top: 0.12 * height, fontSize: 0.09 * side, fontWeight: 800 }}
      />
      <Sequence from={fps} layout="none">
        <Words
          text={layers.place}
          style={{ ...place, left: 0.06 * width, top: 0.25 * height, fontSize: 0.05 * side, fontWeight: 400 }}
        />
      </Sequence>
      <Badge width={width} height={height} seconds={Math.floor(frames / fps)} />
    </>
  );
};

export const Film = ({ shots, layers, width, height, fps, frames }) => (
  <AbsoluteFill style={{ background: "black" }}>
    {shots.map((shot, index) => (
      <Sequence key={index} from={shot.start} durationInFrames={shot.frames}>
        <Photo shot={shot} />
        <Caption text={shot.caption} side={Math.min(width, height)} />
      </Sequence>
    ))}
    <Layers layers={layers} width={width} height={height} frames={frames} fps={fps} />
  </AbsoluteFill>
);
